// A turn as data: one user message answered, or not, by one reply. How it runs is in running.ts.

import type { Failure, MessageStatus } from "../conversation/message.ts";
import type { Notice } from "../conversation/notice.ts";
import type { Cost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";

export { type Notice, noticeCodes } from "../conversation/notice.ts";

/** The same as its answer's. */
export type TurnStatus = MessageStatus;
export type EndStatus = Exclude<TurnStatus, "running">;

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
  /** It came with its session from a file: what it cost then is history, and no spend of this server. */
  imported: boolean;
  startedAt: number;
  firstTokenAt: number | null;
  endedAt: number | null;
}
