// What a caller should know of how an answer came about, beside the answer.

/**
 * Something the caller should know about how the turn was served. `model_replaced`: the server's default is gone, its successor
 * answered. `params_adapted`: the params were sent in another form than the one asked for. `memory_shortened`: the vendor found the
 * conversation too long, so that the model was shown less of it. `content_not_shown`: the answer held more than text, which is
 * named. `finish_detail`: what the vendor said of the end, in its own words. `output_shortened`: a budget had room for no longer
 * answer. `budget_soft_limit`: so much of a budget is spent that somebody should know; said once in each of its windows.
 */
export const noticeCodes = [
  "model_replaced",
  "params_adapted",
  "memory_shortened",
  "content_not_shown",
  "finish_detail",
  "output_shortened",
  "budget_soft_limit",
] as const;

export interface Notice {
  code: (typeof noticeCodes)[number];
  detail: string;
}
