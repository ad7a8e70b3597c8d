// A turn as data: one user message answered, or not, by one reply. How it runs is in turn.ts.

import type { ErrorCode } from "../errors.ts";
import type { Cost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";

/** `running` becomes exactly one of the other four, once. */
export type TurnStatus = "running" | "complete" | "stopped" | "failed" | "interrupted";
export type EndStatus = Exclude<TurnStatus, "running">;

export interface TurnError {
  code: ErrorCode;
  detail: string;
}

/** Something the caller should know about how the turn was served, e.g. `model_replaced`. */
export interface Notice {
  code: "model_replaced";
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
  error: TurnError | null;
  notices: Notice[];
  /** False while a stopped turn's bill is still being read from the vendor. */
  settled: boolean;
  startedAt: number;
  firstTokenAt: number | null;
  endedAt: number | null;
}
