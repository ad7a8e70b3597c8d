// A message: one row, said by the user or by the model, in its place on the path.

import type { ErrorCode } from "../errors.ts";
import type { Cost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";

export type Part = { type: "text"; text: string } | { type: "thought"; text: string };

/** A question is `complete`; an answer is what its turn is: `running` becomes exactly one of the other four, once. */
export type MessageStatus = "running" | "complete" | "stopped" | "failed" | "interrupted";

/** Why there is no answer, or no whole one: a code, and a sentence that may be shown. */
export interface Failure {
  code: ErrorCode;
  detail: string;
  /** After which it may be tried again. Known to whoever hears of it as it happens, and not kept. */
  retryAfterSeconds?: number | undefined;
}

export interface Message {
  id: string;
  sessionId: string;
  parentId: string | null;
  turnId: string;
  role: "user" | "assistant";
  content: string;
  thought: string | null;
  status: MessageStatus;
  model: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: Failure | null;
  createdAt: number;
}

/** What a message consists of, in order: its thoughts, if any were shown, then its text. */
export function partsOf(message: Pick<Message, "content" | "thought">): Part[] {
  const parts: Part[] = [];
  if (message.thought) parts.push({ type: "thought", text: message.thought });
  if (message.content !== "" || parts.length === 0) parts.push({ type: "text", text: message.content });
  return parts;
}
