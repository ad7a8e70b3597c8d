// The API as a test speaks it: small typed calls over real HTTP, and streams read event by event.

import { createParser } from "eventsource-parser";
import type { RawCounted } from "./recompute.ts";

export interface SessionBody {
  id: string;
  title: string | null;
  model: string | null;
  pinned: boolean;
  message_count: number;
  active_at: string;
  running_turn_id: string | null;
  deleted_at: string | null;
  usage: UsageBody;
  cost: CostBody;
  version: number;
}
export interface UsageBody {
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  thinking_tokens: number;
  tool_tokens: number;
  total_tokens: number;
}
export interface CostBody {
  currency: "USD";
  total: string | null;
  accuracy: "exact" | "partial" | "estimated" | "unknown";
  unpriced_turns: number;
}
export interface MessageBody {
  id: string;
  parent_id: string | null;
  turn_id: string;
  role: "user" | "assistant";
  content: string;
  status: string;
  finish_reason: string | null;
  notices: { code: string; detail: string }[];
  siblings: { index: number; count: number; previous_id: string | null; next_id: string | null };
  model: string | null;
  usage: UsageBody | null;
  cost: CostBody | null;
  error: { code: string; detail: string } | null;
}
export interface TurnBody {
  id: string;
  session_id: string;
  status: "running" | "complete" | "stopped" | "failed" | "interrupted";
  model_requested: string;
  model_served: string | null;
  finish_reason: string | null;
  usage: UsageBody | null;
  cost: CostBody | null;
  error: { code: string; detail: string } | null;
  notices: { code: string; detail: string }[];
}
export interface AnswerBody {
  turn: TurnBody;
  message: MessageBody;
  reply: MessageBody;
  session: SessionBody;
}
export interface ProblemBody {
  status: number;
  code: string;
  detail: string;
  turn_id?: string;
  running_turn_id?: string;
  errors?: { pointer: string; detail: string }[];
}
export interface HistoryBody {
  session: SessionBody;
  data: MessageBody[];
  usage: UsageBody;
  cost: CostBody;
  hidden: { turns: number; cost: CostBody } | null;
  has_more: boolean;
}
export interface ReceiptBody {
  turn_id: string;
  at: string;
  price: { id: string; rates: Record<string, unknown> } | null;
  counted: RawCounted | null;
  total: string | null;
  accuracy: CostBody["accuracy"];
  settled: boolean;
  balanced: boolean;
  usage_raw: Record<string, unknown> | null;
  lines: { item: string; quantity: number; unit_price: string; amount: string }[];
  attempts: {
    attempt: number;
    purpose: string;
    at: string;
    model_requested: string;
    model_served: string | null;
    usage_raw: Record<string, unknown> | null;
    error_code: string | null;
    price: { id: string; rates: Record<string, unknown> } | null;
    lines: { item: string; quantity: number; unit_price: string; amount: string }[];
    total: string | null;
    accuracy: string;
    balanced: boolean;
  }[];
}
export interface SeenEvent {
  number: number;
  type: string;
  data: Record<string, unknown> & { text?: string; turn?: TurnBody; reply?: MessageBody; session?: SessionBody };
}

export interface Answered<T> {
  status: number;
  headers: Headers;
  body: T;
}

export async function call<T>(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered<T>> {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? undefined : JSON.parse(text)) as T,
  };
}

export async function newSession(base: string, body: object = {}): Promise<SessionBody> {
  const { status, body: session } = await call<SessionBody>(`${base}/sessions`, "POST", body);
  if (status !== 201) throw new Error(`POST /sessions answered ${status}`);
  return session;
}

export function say(
  base: string,
  sessionId: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Answered<AnswerBody & ProblemBody>> {
  return call(`${base}/sessions/${sessionId}/messages`, "POST", body, headers);
}

export async function readHistory(base: string, sessionId: string): Promise<HistoryBody> {
  return (await call<HistoryBody>(`${base}/sessions/${sessionId}/history`, "GET")).body;
}

export async function readTurn(base: string, turnId: string): Promise<TurnBody> {
  return (await call<TurnBody>(`${base}/turns/${turnId}`, "GET")).body;
}

export async function readReceipt(base: string, turnId: string): Promise<ReceiptBody> {
  return (await call<ReceiptBody>(`${base}/turns/${turnId}/receipt`, "GET")).body;
}

/** Events as they arrive; none of a 204. Leaving the loop hangs up. Throws with the problem when the answer is no stream. */
export async function* readEvents(response: Response): AsyncGenerator<SeenEvent, void, void> {
  if (response.status === 204) return;
  if (!response.headers.get("content-type")?.startsWith("text/event-stream"))
    throw new Error(`no stream but ${response.status}: ${await response.text()}`);
  const queue: SeenEvent[] = [];
  const parser = createParser({
    onEvent: (event) => queue.push({ number: Number(event.id), type: event.event ?? "", data: JSON.parse(event.data) }),
  });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* queue.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

export async function openStream(
  base: string,
  sessionId: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<AsyncGenerator<SeenEvent, void, void>> {
  const response = await fetch(`${base}/sessions/${sessionId}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...body, stream: true }),
  });
  return readEvents(response);
}

export async function openEvents(
  base: string,
  turnId: string,
  after = 0,
): Promise<AsyncGenerator<SeenEvent, void, void>> {
  return readEvents(await fetch(`${base}/turns/${turnId}/events`, { headers: { "last-event-id": String(after) } }));
}

export async function collect(events: AsyncGenerator<SeenEvent, void, void>): Promise<SeenEvent[]> {
  const all: SeenEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

export function textOf(events: readonly SeenEvent[]): string {
  return events
    .filter((event) => event.type === "text-delta")
    .map((event) => event.data.text)
    .join("");
}

/** Asks again until the answer satisfies; for what happens elsewhere in its own time. Fails after `withinMs`. */
export async function eventually<T>(
  ask: () => Promise<T>,
  satisfied: (value: T) => boolean,
  withinMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  while (true) {
    const value = await ask();
    if (satisfied(value)) return value;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
