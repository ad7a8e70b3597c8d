// Reads what Gemini says when it refuses or breaks: google.rpc.Status as JSON, wherever and however broken it stands.

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

type Fields = Record<string, unknown>;

/** Reads an error body of any shape: the vendor's JSON, JSON inside its message, an array of it, HTML, nothing. */
export function readFailure(httpStatus: number | null, body: string): VendorFailure {
  return readErrorObject(httpStatus, findErrorObject(body, 3), body);
}

/** The HTTP status counts before the error's own code, which is all there is in mid-stream. */
function readErrorObject(httpStatus: number | null, error: Fields | undefined, body: string): VendorFailure {
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

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isDailyQuota(detail: Fields): boolean {
  const violations = Array.isArray(detail.violations) ? detail.violations.map(asFields) : [];
  return violations.some((violation) => /PerDay/i.test(String(violation.quotaId ?? "")));
}

/** A quota is for a minute or for a day: no wait of the vendor's is longer. */
const longestDelaySeconds = 86_400;

/** A protobuf duration such as "47s" or "1.5s", in whole seconds rounded up. */
function readDelay(value: unknown): number | undefined {
  const match = typeof value === "string" ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(value) : null;
  return match ? Math.min(Math.ceil(Number(match[1])), longestDelaySeconds) : undefined;
}

/** The header: seconds, or a date (RFC 9110 10.2.3). */
export function readRetryAfter(header: string, now: number): number | undefined {
  if (/^\d{1,9}$/.test(header)) return Math.min(Number(header), longestDelaySeconds);
  const seconds = Math.ceil((Date.parse(header) - now) / 1000);
  return seconds > 0 ? Math.min(seconds, longestDelaySeconds) : undefined;
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
