// Gemini's refusals and failures in our words: one table from its statuses to the closed list of codes
// (https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-23).

import type { ErrorCode } from "../../errors.ts";
import { ProviderError } from "../../provider.ts";
import type { VendorFailure } from "./failure.ts";

/** A ProviderError that also knows whether trying the same request again can help. */
export class GeminiError extends ProviderError {
  readonly retry: "no" | "once" | "yes";

  constructor(
    code: ErrorCode,
    detail: string,
    extras: ConstructorParameters<typeof ProviderError>[2] & { retry?: "no" | "once" | "yes" } = {},
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
    case "region":
      return new GeminiError(
        "provider_error",
        "The model provider does not serve the place that this server calls from. The operator must call from another, or by another provider.",
        { cause },
      );
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
    case "thinking":
      return new GeminiError("provider_error", "The provider refused the request for its setting of thinking.", {
        cause,
        thinkingRefused: true,
      });
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

/** Something in the answer is longer than any that is taken: it is cut there. */
export function tooLong(cause: string): GeminiError {
  return new GeminiError("provider_error", "The provider's answer is longer than this server takes.", { cause });
}

type Class =
  | "key"
  | "region"
  | "model"
  | "address"
  | "day"
  | "minute"
  | "tokens"
  | "request"
  | "thinking"
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
  if (status === 400 && word === "FAILED_PRECONDITION" && /\blocation\b/i.test(message)) return "region";
  if (status === 400 && (word === "FAILED_PRECONDITION" || /\bAPI key\b/i.test(message))) return "key";
  if (status === 404) return word === "" ? "address" : "model";
  if (status === 429) return failure.perDay ? "day" : "minute";
  if (
    status === 413 ||
    (status === 400 && /token count|(?:maximum|too many)\b.*\btokens|tokens?\b.*\bexceed/i.test(message))
  )
    return "tokens";
  if (status === 400) return /thinking/i.test(message) ? "thinking" : "request";
  if (status === 503) return "overloaded";
  if (status === 504) return "late";
  if (status === 500 || status === 502) return "broken";
  return "other";
}

function describe(failure: VendorFailure): string {
  return `provider answered ${failure.httpStatus ?? "in mid-stream"} ${failure.word}: ${failure.message}`.trim();
}
