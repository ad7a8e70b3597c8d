// The shapes of the public HTTP API as this page reads them. Money stays a decimal string from end to end.

export type Status = "running" | "complete" | "stopped" | "failed" | "interrupted";
export type Accuracy = "exact" | "partial" | "estimated" | "unknown";

export interface Usage {
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  thinking_tokens: number;
  tool_tokens: number;
  total_tokens: number;
}

export interface Cost {
  currency: "USD";
  /** Decimal string in USD; null when nothing of it could be priced. */
  total: string | null;
  accuracy: Accuracy;
  unpriced_turns: number;
}

export interface Session {
  id: string;
  title: string | null;
  model: string | null;
  system: string | null;
  message_count: number;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
  running_turn_id: string | null;
  usage: Usage;
  cost: Cost;
  version: number;
  /** Only in search results. */
  snippet?: string | null;
}

export interface WireError {
  code: string;
  detail: string;
}

export type Part = { type: "text"; text: string } | { type: "thought"; text: string };

export interface Message {
  id: string;
  session_id: string;
  parent_id: string | null;
  turn_id: string;
  role: "user" | "assistant";
  content: string;
  parts: Part[];
  status: Status;
  model: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: WireError | null;
  created_at: string;
}

export interface Notice {
  code: string;
  detail: string;
}

export interface Turn {
  id: string;
  session_id: string;
  user_message_id: string;
  reply_message_id: string;
  status: Status;
  model_requested: string;
  model_served: string | null;
  finish_reason: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: WireError | null;
  notices?: Notice[];
  /** False while a stopped turn's bill is still being read. */
  settled?: boolean;
}

export interface List<T> {
  data: T[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

export interface History extends List<Message> {
  session: Session;
}

export interface Answer {
  turn: Turn;
  message: Message;
  reply: Message;
  session: Session;
}

export interface ReceiptLine {
  item: string;
  quantity: number;
  unit: "token" | "request" | "query";
  unit_price: string;
  amount: string;
}

export interface Receipt {
  turn_id: string;
  at: string;
  vendor: string;
  model_requested: string;
  model_served: string | null;
  price: { id: string; effective_from: string; source: string; read_on: string } | null;
  usage_raw: unknown;
  lines: ReceiptLine[];
  total: string | null;
  accuracy: Accuracy;
  balanced: boolean;
}

export interface Health {
  status: string;
  mode: "live" | "demo";
}

export interface Model {
  id: string;
  display_name?: string;
}

/** What a turn says on its event stream. */
export type TurnEvent =
  | {
      type: "turn-start";
      turn_id: string;
      session_id: string;
      user_message_id: string;
      reply_message_id: string;
      model: string;
    }
  | { type: "text-delta"; text: string }
  | { type: "thought-delta"; text: string }
  | ({ type: "usage"; cost: Cost } & Usage)
  | { type: "turn-end"; turn: Turn; reply: Message; session: Session };
