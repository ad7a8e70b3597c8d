// The closed list of things that can go wrong, and the one error class that carries them.

/** Every code a caller can meet. `http/problem.ts` maps each to one status; nothing else invents codes. */
export const errorCodes = [
  "malformed_json",
  "bad_request",
  "unauthenticated",
  "forbidden",
  "budget_exceeded",
  "not_found",
  "method_not_allowed",
  "turn_in_progress",
  "conflict",
  "version_mismatch",
  "too_large",
  "unsupported_media_type",
  "invalid_request",
  "context_too_long",
  "idempotency_mismatch",
  "unpriced_model",
  "rate_limited",
  "provider_rate_limited",
  "provider_error",
  "provider_refused_key",
  "model_not_found",
  "provider_unavailable",
  "provider_timeout",
  "storage_unavailable",
  "draining",
  "internal",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** One field of the request that was wrong; `pointer` is a JSON Pointer into the body (or `?name` for a query value). */
export interface FieldError {
  pointer: string;
  detail: string;
}

export interface ErrorExtras {
  /** Why it happened, for the log only; never shown to the caller. */
  cause?: unknown;
  /** Seconds after which trying again makes sense (becomes `Retry-After`). */
  retryAfterSeconds?: number;
  errors?: FieldError[];
  /** Further members of the problem document, e.g. `running_turn_id`; public by definition. */
  members?: Record<string, string | number | null>;
}

/** An error with a code from the closed list and a sentence that is safe to show to the caller. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly errors: FieldError[] | undefined;
  readonly members: Record<string, string | number | null> | undefined;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = "AppError";
    this.code = code;
    this.retryAfterSeconds = extras.retryAfterSeconds;
    this.errors = extras.errors;
    this.members = extras.members;
  }
}

/** The 404 for everything a caller may not see: what does not exist and what is somebody else's read the same. */
export function notFound(what: "session" | "turn" | "message" | "key" | "project" | "budget"): AppError {
  return new AppError("not_found", `There is no such ${what}.`);
}
