// A turn as data: one user message answered, or not, by one reply. How it runs is in running.ts.

import type { Failure, MessageStatus } from "../conversation/message.ts";
import type { Cost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";

/** The same as its answer's. */
export type TurnStatus = MessageStatus;
export type EndStatus = Exclude<TurnStatus, "running">;

/**
 * Something the caller should know about how the turn was served. `model_replaced`: the server's default is gone, its successor
 * answered. `params_adapted`: the params were sent in another form than the one asked for. `memory_shortened`: the vendor found the
 * conversation too long, so that the model was shown less of it. `content_not_shown`: the answer held more than text, which is
 * named. `finish_detail`: what the vendor said of the end, in its own words.
 */
export const noticeCodes = [
  "model_replaced",
  "params_adapted",
  "memory_shortened",
  "content_not_shown",
  "finish_detail",
] as const;

export interface Notice {
  code: (typeof noticeCodes)[number];
  detail: string;
}

export interface Turn {
  id: string;
  sessionId: string;
  userMessageId: string;
  replyMessageId: string;
  status: TurnStatus;
  modelRequested: string;
  modelServed: string | null;
  finishReason: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: Failure | null;
  notices: Notice[];
  /** False while a stopped turn's bill is still being read from the vendor. */
  settled: boolean;
  /** Whom it was for, and the key it was asked for with. */
  user: string | null;
  keyId: string | null;
  startedAt: number;
  firstTokenAt: number | null;
  endedAt: number | null;
}
