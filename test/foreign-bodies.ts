// What routes are sent in the matrix of foreign ids.

/** A file that says of these that they are the sender's. */
export function fileOf(ids: { session: string; turn: string; question: string; answer: string }) {
  const at = "2026-11-23T09:30:00.000Z";
  const turn = {
    ...{
      id: ids.turn,
      parent_id: null,
      question: { id: ids.question, content: "x" },
      status: "complete",
      model_requested: "m",
    },
    answer: { id: ids.answer, content: "y", thought: null, vendor_parts: null },
    ...{ model_served: null, finish_reason: null, error: null, notices: [], usage: null, cost: null, user: null },
    ...{ started_at: at, first_token_at: null, ended_at: null, calls: [] },
  };
  const session = { id: ids.session, title: "theirs", created_at: at, updated_at: at };
  return { object: "session_export", version: 1, session, tip: null, turns: [turn] };
}

/** A body that the route takes, where it needs one. */
export const bodies: Record<string, unknown> = {
  sendMessage: { content: "hi" },
  quoteMessage: { content: "hi" },
  quoteFirstMessage: { content: "hi" },
  changeSession: { title: "mine now" },
  changeKey: { disabled: true },
  createKey: { name: "x", scopes: ["admin"] },
  createToken: { user: "bohdan" },
  createProject: { id: "theirs" },
  signIn: { key: `rz-${"x".repeat(43)}` },
  changeProject: { disabled: true },
  putBudget: { limits: [{ window: "day", usd: "1" }] },
  increaseBudget: { usd: "1", until: "2999-01-01T00:00:00Z" },
};
