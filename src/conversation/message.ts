// A message: one row, said by the user or by the model, in its place on the path.

import type { ErrorCode } from "../errors.ts";
import type { Cost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";
import type { Notice } from "./notice.ts";

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

/**
 * The other messages at a message's place, in the order they were made. A question's are the other questions that follow the same
 * message; an answer's are the other answers to the same question, also where it was sent again, word for word. Where one of them was
 * answered more than once, its newest is named.
 */
export interface Siblings {
  /** From 1. */
  index: number;
  count: number;
  previousId: string | null;
  nextId: string | null;
}

/** Of a message that has none: nearly all of them. */
export const noSiblings: Siblings = Object.freeze({ index: 1, count: 1, previousId: null, nextId: null });

/** What became of a question: the same for whoever runs it, shows it or takes it along. */
export interface Outcome {
  status: MessageStatus;
  modelRequested: string;
  modelServed: string | null;
  finishReason: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: Failure | null;
  notices: Notice[];
  /** Whom it was for. */
  user: string | null;
  startedAt: number;
  firstTokenAt: number | null;
  endedAt: number | null;
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
  /** Of an answer, what its turn says; a question has none. */
  finishReason: string | null;
  notices: readonly Notice[];
  model: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: Failure | null;
  createdAt: number;
  siblings: Siblings;
}

/** What a message consists of, in order: its thoughts, if any were shown, then its text. */
export function partsOf(message: Pick<Message, "content" | "thought">): Part[] {
  const parts: Part[] = [];
  if (message.thought) parts.push({ type: "thought", text: message.thought });
  if (message.content !== "" || parts.length === 0) parts.push({ type: "text", text: message.content });
  return parts;
}
