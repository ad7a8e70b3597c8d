// The shapes of the public HTTP API as this page reads them; the server's own schemas say what they are.

import type { z } from "@hono/zod-openapi";
import type { eventSchemas } from "../../src/http/native/event-schema.ts";
import type { MessageWire } from "../../src/http/native/message-wire.ts";
import type { encodeReceipt } from "../../src/http/native/money/receipt-wire.ts";
import type { SessionWire } from "../../src/http/native/session-wire.ts";
import type { TurnWire } from "../../src/http/native/turn-wire.ts";
import type { CostWire, UsageWire } from "../../src/http/wire.ts";

export type Usage = UsageWire;
export type Cost = CostWire;
export type Message = MessageWire;
export type Turn = TurnWire;
export type Notice = TurnWire["notices"][number];
export type Receipt = ReturnType<typeof encodeReceipt>;
export type Attempt = Receipt["attempts"][number];
export type ReceiptLine = Receipt["lines"][number];

/** `snippet` only in search results: HTML in which what was found stands between <mark> and </mark>. */
export interface Session extends SessionWire {
  snippet?: string | null | undefined;
  /** Only in search results: the message that the snippet is from. */
  message_id?: string | null | undefined;
}

export interface List<T> {
  data: T[];
  has_more: boolean;
}
export interface History extends List<Message> {
  session: Session;
  hidden: { turns: number; cost: Cost } | null;
}
export interface Answer {
  turn: Turn;
  message: Message;
  reply: Message;
  session: Session;
}
export interface Health {
  mode: "live" | "demo";
  default_model: string;
}
/** What a message would cost. */
export interface Quote {
  input_tokens: number;
  cost: { floor: string | null; likely: string | null; worst: string | null };
  accuracy: string;
  budgets: { limit: string; settled: string; held: string }[];
  accepted: boolean;
  reason?: string;
  detail?: string;
}
export type Params = SessionWire["params"];
export interface Thinking {
  kind: "budget" | "level";
  levels: readonly string[];
  min_tokens: number | null;
  max_tokens: number | null;
  default: string | null;
}
export interface Model {
  id: string;
  display_name: string;
  is_default: boolean;
  limits: { input_tokens: number; output_tokens: number };
  abilities: { params: string[]; ignored_params: string[]; thinking: Thinking | null };
  price: { rates: Record<string, unknown> } | null;
  retires_on: string | null;
  retired: boolean;
  successor: string | null;
  warnings: string[];
}

type Data = { [Name in keyof typeof eventSchemas]: z.infer<(typeof eventSchemas)[Name]> };

/** What a turn says on its event stream. */
export type TurnEvent =
  | ({ type: "turn-start" } & Data["TurnStartEvent"])
  | ({ type: "text-delta" } & Data["TextDeltaEvent"])
  | ({ type: "thought-delta" } & Data["ThoughtDeltaEvent"])
  | ({ type: "usage" } & Data["UsageEvent"])
  | ({ type: "turn-end" } & Data["TurnEndEvent"]);
