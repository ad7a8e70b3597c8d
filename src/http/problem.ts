// Errors on the wire: RFC 9457 problem documents, readable by OpenAI clients too. The one table from code to status.

import { hasScope } from "../caller/scope.ts";
import { AppError, type ErrorCode, type FieldError } from "../errors.ts";
import type { HttpAnswer } from "./answer.ts";
import type { Exchange } from "./exchange.ts";

/** Every code with its status and its title; the title is the same for every occurrence (RFC 9457, 3.1.3). */
export const problems: Record<ErrorCode, { status: number; title: string }> = {
  malformed_json: { status: 400, title: "The body is not JSON" },
  bad_request: { status: 400, title: "The request does not make sense" },
  unauthenticated: { status: 401, title: "Who is asking is not known" },
  forbidden: { status: 403, title: "This is not allowed" },
  budget_exceeded: { status: 402, title: "The budget is spent" },
  not_found: { status: 404, title: "There is no such thing" },
  method_not_allowed: { status: 405, title: "This address does not take this method" },
  turn_in_progress: { status: 409, title: "The session is answering another message" },
  conflict: { status: 409, title: "The present state does not allow this" },
  version_mismatch: { status: 412, title: "The session has changed in the meantime" },
  too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body must be JSON" },
  invalid_request: { status: 422, title: "Some fields are wrong" },
  context_too_long: { status: 422, title: "The message does not fit the model" },
  idempotency_mismatch: { status: 422, title: "The Idempotency-Key belongs to another request" },
  unpriced_model: { status: 422, title: "The price of this model is not known" },
  rate_limited: { status: 429, title: "Too many requests" },
  provider_rate_limited: { status: 429, title: "The model's vendor takes no more requests now" },
  provider_error: { status: 502, title: "The model's vendor failed" },
  provider_refused_key: { status: 502, title: "The model's vendor refused this server's key" },
  model_not_found: { status: 502, title: "The vendor has no such model" },
  provider_unavailable: { status: 503, title: "The model's vendor is not available" },
  provider_timeout: { status: 504, title: "The model's vendor did not answer in time" },
  storage_unavailable: { status: 503, title: "The database is not available" },
  draining: { status: 503, title: "The server is shutting down" },
  internal: { status: 500, title: "Something went wrong on our side" },
};

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  request_id: string;
  errors?: FieldError[];
  error: { message: string; type: string; code: ErrorCode; param: string | null };
  [member: string]: unknown;
}

/** What the caller is told of an error. Anything but an AppError is `internal` and written to the log only. */
export function describeProblem(exchange: Exchange, cause: unknown): ProblemBody {
  const known = cause instanceof AppError ? cause : undefined;
  if (!known) exchange.logUnforeseen(cause);
  else if (known.code === "storage_unavailable") exchange.logStorage(known);
  const code = known?.code ?? "internal";
  const detail = known?.message ?? "Something went wrong on our side; the log has the details under this request_id.";
  const { status, title } = problems[code];
  exchange.code = code;
  return {
    type: `urn:rozmova:problem:${code}`,
    title,
    status,
    detail,
    code,
    request_id: exchange.requestId,
    ...(known && membersFor(exchange, known)),
    ...(known?.errors ? { errors: known.errors } : {}),
    error: { message: detail, type: openaiType(status), code, param: paramOf(known?.errors) },
  };
}

/** What everybody has spent of the global budget is the operator's to know. */
function membersFor(exchange: Exchange, { code, members }: AppError): AppError["members"] {
  const isGlobal = code === "budget_exceeded" && members?.scope === "global";
  if (!isGlobal || (exchange.who && hasScope(exchange.who.scopes, "operator"))) return members;
  return { ...members, limit: null, settled: null, held: null, left: null };
}

export function answerProblem(exchange: Exchange, cause: unknown, headers: Record<string, string> = {}): HttpAnswer {
  const body = describeProblem(exchange, cause);
  const all: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  };
  if (body.status === 401) all["www-authenticate"] = "Bearer"; // RFC 9110, 15.5.2
  const seconds = cause instanceof AppError ? cause.retryAfterSeconds : undefined;
  if (seconds !== undefined) all["retry-after"] = String(Math.max(1, Math.ceil(seconds)));
  return { status: body.status, headers: all, body: JSON.stringify(body) };
}

/** The words that OpenAI's own clients know. */
function openaiType(status: number): string {
  if (status >= 500) return "server_error";
  if (status === 401) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return "invalid_request_error";
}

/** The first wrong field as OpenAI names it: `params.temperature`. */
function paramOf(errors: FieldError[] | undefined): string | null {
  const pointer = errors?.[0]?.pointer;
  return !pointer ? null : pointer.replace(/^[/?]/, "").replaceAll("/", ".");
}
