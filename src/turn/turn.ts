// A turn as data: one user message answered, or not, by one reply. How it runs is in running.ts.

import type { MessageStatus, Outcome } from "../conversation/message.ts";

export { type Notice, noticeCodes } from "../conversation/notice.ts";

/** The same as its answer's. */
export type TurnStatus = MessageStatus;
export type EndStatus = Exclude<TurnStatus, "running">;

export interface Turn extends Outcome {
  id: string;
  sessionId: string;
  userMessageId: string;
  replyMessageId: string;
  /** False while a stopped turn's bill is still being read from the vendor. */
  settled: boolean;
  /** The key it was asked for with. */
  keyId: string | null;
  /** It came with its session from a file: what it cost then is history, and no spend of this server. */
  imported: boolean;
}
