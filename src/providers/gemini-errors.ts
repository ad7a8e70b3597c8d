// What Gemini says when it refuses or breaks, in our words: one table from its statuses to the closed list of codes.
//
// The shapes are those of google.rpc.Status (https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-23).

import type { ErrorCode } from "../errors.ts";
import { ProviderError } from "../provider.ts";

/** What one refusal says, read from wherever it stood: an HTTP error body, an event, or raw JSON in mid-stream. */
export interface VendorFailure {
  httpStatus: number | null;
  /** The vendor's status word, e.g. "RESOURCE_EXHAUSTED"; empty when it sent none. */
  word: string;
  /** The vendor's own text, without anything that looks like a key: for the log only. */
  message: string;
  /** Reasons of ErrorInfo, e.g. "API_KEY_INVALID". */
  reasons: string[];
  perDay: boolean;
  retryAfterSeconds: number | undefined;
}

/** A ProviderError that also knows whether trying the same request again can help. */
export class GeminiError extends ProviderError {
  readonly retry: "no" | "once" | "yes";

  constructor(
    code: ErrorCode,
    detail: string,
    extras: { cause?: unknown; retryAfterSeconds?: number; modelGone?: boolean; retry?: "no" | "once" | "yes" } = {},
  ) {
    super(code, detail, extras);
    this.retry = extras.retry ?? "no";
  }
}

const checkKey = "The operator must check the key (GEMINI_API_KEY), its restrictions and its billing account.";

/** The error our caller meets for a refusal of the vendor's. */
export function toGeminiError(failure: VendorFailure): GeminiError {
  const { retryAfterSeconds } = failure;
  const cause = describe(failure);
  switch (classify(failure)) {
    case "key":
      return new GeminiError("provider_refused_key", `The model provider refused this server's key. ${checkKey}`, {
        cause,
      });
    case "model":
      return new GeminiError(
        "model_not_found",
        "The model provider does not offer this model (any more) to this key.",
        {
          cause,
          modelGone: true,
        },
      );
    case "address":
      return new GeminiError(
        "provider_error",
        "The provider's address does not speak its protocol: check the base URL.",
        {
          cause,
        },
      );
    case "day":
      return new GeminiError("provider_rate_limited", "The provider's daily quota for this server is spent.", {
        cause,
        retryAfterSeconds,
      });
    case "minute":
      return new GeminiError(
        "provider_rate_limited",
        "The provider asks this server to slow down. Try again shortly.",
        {
          cause,
          retryAfterSeconds,
          retry: "yes",
        },
      );
    case "tokens":
      return new GeminiError("context_too_long", "The conversation is longer than the model can read.", { cause });
    case "request":
      return new GeminiError("provider_error", "The provider refused the request as invalid.", { cause });
    case "overloaded":
      return new GeminiError("provider_unavailable", "The model is overloaded at the provider. Try again shortly.", {
        cause,
        retryAfterSeconds,
        retry: "yes",
      });
    case "late":
      return new GeminiError("provider_timeout", "The provider did not finish in its own time.", {
        cause,
        retry: "once",
      });
    case "broken":
      return new GeminiError("provider_error", "The provider failed while answering.", { cause, retry: "yes" });
    case "other":
      return new GeminiError("provider_error", "The provider answered with an error.", { cause });
  }
}

type Class =
  | "key"
  | "model"
  | "address"
  | "day"
  | "minute"
  | "tokens"
  | "request"
  | "overloaded"
  | "late"
  | "broken"
  | "other";

const statusOfWord: Record<string, number> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

function classify(failure: VendorFailure): Class {
  const { word, message, reasons } = failure;
  const status = failure.httpStatus ?? statusOfWord[word] ?? 0;
  if (reasons.some((reason) => reason.startsWith("API_KEY_")) || status === 401 || status === 403) return "key";
  if (status === 400 && (word === "FAILED_PRECONDITION" || /\bAPI key\b/i.test(message))) return "key";
  if (status === 404) return word === "" ? "address" : "model";
  if (status === 429) return failure.perDay ? "day" : "minute";
  if (
    status === 413 ||
    (status === 400 && /token count|(?:maximum|too many)\b.*\btokens|tokens?\b.*\bexceed/i.test(message))
  )
    return "tokens";
  if (status === 400) return "request";
  if (status === 503) return "overloaded";
  if (status === 504) return "late";
  if (status === 500 || status === 502) return "broken";
  return "other";
}

/** Reads an error body of any shape: the vendor's JSON, JSON inside its message, an array of it, HTML, nothing. */
export function readFailure(httpStatus: number | null, body: string): VendorFailure {
  return readErrorObject(httpStatus, findErrorObject(body, 3), body);
}

/** Reads an already parsed `error` object, as it comes inside an event. Its own code counts before the HTTP status. */
export function readErrorObject(httpStatus: number | null, error: Fields | undefined, body = ""): VendorFailure {
  const code = typeof error?.code === "number" && error.code >= 400 && error.code <= 599 ? error.code : null;
  const message = typeof error?.message === "string" ? error.message : body;
  const details = Array.isArray(error?.details) ? error.details.map(asFields) : [];
  return {
    httpStatus: httpStatus !== null && httpStatus >= 300 ? httpStatus : code,
    word: typeof error?.status === "string" ? error.status : "",
    message: redact(message).slice(0, 2000),
    reasons: details.map((detail) => detail.reason).filter((reason) => typeof reason === "string"),
    perDay: details.some(isDailyQuota),
    retryAfterSeconds: details.map((detail) => readDelay(detail.retryDelay)).find((delay) => delay !== undefined),
  };
}

type Fields = Record<string, unknown>;

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isDailyQuota(detail: Fields): boolean {
  const violations = Array.isArray(detail.violations) ? detail.violations.map(asFields) : [];
  return violations.some((violation) => /PerDay/i.test(String(violation.quotaId ?? "")));
}

/** A protobuf duration such as "47s" or "1.5s", in whole seconds rounded up. */
function readDelay(value: unknown): number | undefined {
  const match = typeof value === "string" ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(value) : null;
  return match ? Math.ceil(Number(match[1])) : undefined;
}

/** Errors travel as JSON text inside `error.message`, up to two levels deep: the innermost one knows the most. */
function findErrorObject(body: string, levels: number): Fields | undefined {
  if (levels === 0 || !/^\s*[[{]/.test(body)) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return readTornError(body);
  }
  const outer = asFields(Array.isArray(parsed) ? parsed[0] : parsed);
  if (typeof outer.error !== "object" || outer.error === null) return undefined;
  const error = asFields(outer.error);
  return (typeof error.message === "string" && findErrorObject(error.message, levels - 1)) || error;
}

/** What an error that was cut off in the middle still says. */
function readTornError(body: string): Fields | undefined {
  const code = /"code"\s*:\s*(\d{3})\b/.exec(body)?.[1];
  const word = /"status"\s*:\s*"([A-Z_]+)"/.exec(body)?.[1];
  return code === undefined && word === undefined ? undefined : { code: Number(code), status: word, message: body };
}

/** The vendor quotes keys in some refusals ("Consumer 'api_key:...' has been suspended"). */
function redact(text: string): string {
  return text.replace(/api_key:[^\s'"]+/gi, "api_key:***").replace(/\b(?:AIza|AQ\.)[\w.-]{8,}/g, "***");
}

function describe(failure: VendorFailure): string {
  return `provider answered ${failure.httpStatus ?? "in mid-stream"} ${failure.word}: ${failure.message}`.trim();
}
