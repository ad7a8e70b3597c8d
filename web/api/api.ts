// The typed client of the public HTTP API: same origin, relative addresses, every failure an ApiError.

import { storedForTab } from "../shell/stored.ts";
import { noteAnswer, noteSilence, pause, probe } from "./network.ts";
import type { Health, History, List, Model, Params, Quote, Receipt, Session, Turn } from "./wire.ts";

export interface FieldProblem {
  pointer: string;
  detail: string;
}

/** A refusal of the server, or (`code: "network"`) no answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: FieldProblem[];
  readonly runningTurnId: string | null;
  readonly retryAfterMs: number | null;

  constructor(status: number, code: string, detail: string, more: Partial<Problem> = {}, retryAfterMs?: number | null) {
    super(detail);
    this.status = status;
    this.code = code;
    this.fields = more.errors ?? [];
    this.runningTurnId = more.running_turn_id ?? null;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}

interface Problem {
  detail: string;
  code: string;
  errors: FieldProblem[];
  running_turn_id: string | null;
}

/** The API key for servers that ask for one; kept as long as this tab. */
export const apiKey = {
  get: (): string | null => storedForTab.get("key"),
  set: (key: string | null): void => storedForTab.set("key", key),
};

interface Call {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** One request; resolves only with a success. Throws ApiError, or the signal's AbortError. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json", ...call.headers };
  const key = apiKey.get();
  if (key) headers.authorization = `Bearer ${key}`;
  if (call.body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method: call.method ?? "GET",
      headers,
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: call.signal ?? null,
      cache: "no-store",
    });
  } catch (error) {
    if (call.signal?.aborted) throw error;
    noteSilence();
    throw new ApiError(0, "network", "");
  }
  // What the browser kept is no sign of life of the server.
  if (response.headers.has("x-rozmova-kept")) noteSilence();
  else if (response.ok) noteAnswer();
  else throw await readProblem(response);
  return response;
}

async function readProblem(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
  // A proxy whose server is away answers in words of its own.
  if (!problem?.code && response.status >= 502 && response.status <= 504) {
    noteSilence();
    return new ApiError(0, "network", "");
  }
  noteAnswer();
  const seconds = Number(response.headers.get("retry-after"));
  const wait = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
  return new ApiError(response.status, problem?.code ?? "internal", problem?.detail ?? "", problem ?? {}, wait);
}

export async function json<T>(path: string, call?: Call): Promise<T> {
  const response = await send(path, call);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (call?.signal?.aborted) throw error;
    throw new ApiError(0, "network", "");
  }
}

export function query(values: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? "" : `?${search}`;
}

const session = (id: string) => `sessions/${encodeURIComponent(id)}`;
const message = (id: string, messageId: string) => `${session(id)}/messages/${encodeURIComponent(messageId)}`;
const turn = (id: string) => `turns/${encodeURIComponent(id)}`;

export interface SessionQuery {
  limit: number;
  after?: string | undefined;
  /** Where `after` stood when it was read: the list moves. */
  at?: string | undefined;
  q?: string | undefined;
  deleted?: "true" | undefined;
  pinned?: "true" | undefined;
}
export interface HistoryQuery {
  limit: number;
  order: "asc" | "desc";
  after?: string | undefined;
}
export interface SessionChange {
  title?: string | null;
  model?: string | null;
  system?: string | null;
  params?: Params;
  metadata?: Session["metadata"];
  pinned?: boolean;
  tip?: string;
}
export interface NewMessage {
  content: string;
  model?: string;
  parent_id?: string | null;
}

export const api = {
  health: () => json<Health>("healthz"),
  listModels: (signal?: AbortSignal) => json<List<Model>>("models", { signal }),
  listSessions: (page: SessionQuery, signal?: AbortSignal) =>
    json<List<Session>>(`sessions${query({ ...page })}`, { signal }),
  createSession: (fields: SessionChange, key: string) =>
    json<Session>("sessions", { method: "POST", body: fields, headers: { "idempotency-key": key } }),
  getSession: (id: string) => json<Session>(session(id)),
  listSessionBudgets: (id: string, signal: AbortSignal) =>
    json<List<Quote["budgets"][number]>>(`${session(id)}/budgets`, { signal }),
  changeSession: (id: string, change: SessionChange) => json<Session>(session(id), { method: "PATCH", body: change }),
  trashSession: (id: string) => send(session(id), { method: "DELETE" }),
  purgeSession: (id: string) => send(`${session(id)}?purge=true`, { method: "DELETE" }),
  emptyTrash: () => json<{ sessions: number }>("sessions?deleted=true&purge=true", { method: "DELETE" }),
  makeTitle: (id: string, key: string) =>
    json<Session>(`${session(id)}/title`, { method: "POST", headers: { "idempotency-key": key } }),
  exportSession: (id: string, format: "json" | "markdown") => send(`${session(id)}/export?format=${format}`),
  importSession: (exported: unknown, copy: boolean) =>
    json<Session>(`sessions/import${copy ? "?copy=true" : ""}`, { method: "POST", body: exported }),
  restoreSession: (id: string) => send(`${session(id)}/restore`, { method: "POST" }),
  readHistory: (id: string, page: HistoryQuery, signal?: AbortSignal) =>
    json<History>(`${session(id)}/history${query({ ...page })}`, { signal }),
  removeVersion: (id: string, messageId: string) => send(message(id, messageId), { method: "DELETE" }),
  restoreVersion: (id: string, messageId: string) => send(`${message(id, messageId)}/restore`, { method: "POST" }),
  getTurn: (id: string, signal?: AbortSignal) => json<Turn>(turn(id), { signal }),
  stopTurn: (id: string) => send(`${turn(id)}/stop`, { method: "POST" }),
  getReceipt: (id: string) => json<Receipt>(`${turn(id)}/receipt`),

  /** Starts a turn, or joins the one this key already started. The body is an event stream (or a stored Answer). */
  postMessage: (id: string, message: NewMessage, key: string, signal: AbortSignal) =>
    send(`${session(id)}/messages`, {
      method: "POST",
      body: { ...message, stream: true },
      headers: { accept: "text/event-stream", "idempotency-key": key },
      signal,
    }),
  quote: (id: string, message: NewMessage, signal: AbortSignal) =>
    json<Quote>(`${session(id)}/quote`, { method: "POST", body: message, signal }),
  quoteFirst: (message: SessionChange & { content: string }, signal: AbortSignal) =>
    json<Quote>("quote", { method: "POST", body: message, signal }),
  openEvents: (turnId: string, after: number, signal: AbortSignal) =>
    send(`${turn(turnId)}/events`, {
      headers: { accept: "text/event-stream", ...(after > 0 ? { "last-event-id": String(after) } : {}) },
      signal,
    }),
};

probe.ask = async () => {
  try {
    return (await fetch("healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
};

/** Calls again for as long as there is no answer at all. Throws what the server answers, and `network` once `signal` says stop. */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  signal?: AbortSignal,
  onSilence?: () => void,
): Promise<T> {
  for (let waitMs = 300; ; waitMs = Math.min(8_000, waitMs * 2)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "network" || signal?.aborted) throw error;
    }
    onSilence?.();
    await pause(waitMs, signal);
  }
}
