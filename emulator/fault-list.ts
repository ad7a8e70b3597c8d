// The faults by name: when each strikes, what a careful client should make of it, and one line on what it does.

/** before-stream: no 200 ever comes. mid-stream: a 200 that breaks. odd-200: a whole 200 that is unusual, but legal. */
export type FaultPhase = "before-stream" | "mid-stream" | "odd-200";

/**
 * What a careful client should report in the end: `error`, `interrupted` (text, then it broke or had no end), `silence` (only the
 * client's own timers help), `answer` (complete as it is), `blocked`, `empty` (finished without a word), `wordless` (with something
 * that is no text), `cut` (the token limit).
 */
export type FaultOutcome = "error" | "interrupted" | "silence" | "answer" | "blocked" | "empty" | "wordless" | "cut";

const table = {
  "bad-argument": ["before-stream", "error", "400 INVALID_ARGUMENT with field violations"],
  penalty: ["before-stream", "error", "400 penalty is not enabled for this model"],
  "both-thinking": ["before-stream", "error", "400 thinking budget and thinking level together"],
  "last-role-model": ["before-stream", "error", "400 the request ends with a model turn"],
  region: ["before-stream", "error", "400 FAILED_PRECONDITION, the location is not supported"],
  "too-long": ["before-stream", "error", "400 the input token count exceeds the maximum"],
  "bad-key": ["before-stream", "error", "400 API_KEY_INVALID, as a wrong key is answered"],
  "bad-aq-key": ["before-stream", "error", "401 UNAUTHENTICATED, as a wrong AQ key is answered"],
  unregistered: ["before-stream", "error", "403 no key at all"],
  forbidden: ["before-stream", "error", "403 the service is disabled for this key"],
  "unknown-model": ["before-stream", "error", "404 no such model"],
  "retired-model": ["before-stream", "error", "404 no longer available to new users"],
  "quota-minute": ["before-stream", "error", "429 per-minute quota with RetryInfo"],
  "quota-day": ["before-stream", "error", "429 per-day quota with RetryInfo: waiting does not help today"],
  "quota-bare": ["before-stream", "error", "429 without any detail"],
  "internal-500": ["before-stream", "error", "500 INTERNAL"],
  "overloaded-503": ["before-stream", "error", "503 UNAVAILABLE, the model is overloaded"],
  "deadline-504": ["before-stream", "error", "504 DEADLINE_EXCEEDED"],
  "html-502": ["before-stream", "error", "502 with an HTML page, from a machine in between"],
  "broken-json": ["before-stream", "error", "500 whose JSON body is cut in the middle"],
  "reset-early": ["before-stream", "error", "the connection is reset before any answer"],
  "close-early": ["before-stream", "error", "the connection is closed in good order before any answer"],
  "no-headers": ["before-stream", "silence", "the request is read and never answered"],
  "raw-error-alone": ["mid-stream", "error", "error as pretty JSON without data:, in its own network write"],
  "raw-error-glued": ["mid-stream", "error", "the same in one write with the event before it"],
  "raw-error-split": ["mid-stream", "error", "the same cut in two writes"],
  "data-error": ["mid-stream", "error", "error in a data: event"],
  "data-error-no-code": ["mid-stream", "error", "error in a data: event, without a numeric code"],
  "array-error": ["mid-stream", "error", "error as a JSON array without data:"],
  "bad-event": ["mid-stream", "error", "a data: event whose JSON is wrong"],
  "reset-midstream": ["mid-stream", "interrupted", "the connection is reset"],
  "close-midstream": ["mid-stream", "interrupted", "the connection is closed without the end of the chunked body"],
  "truncated-event": ["mid-stream", "interrupted", "the body ends in the middle of an event"],
  "no-finish": ["mid-stream", "interrupted", "the body ends well, but no event had a finishReason"],
  stall: ["mid-stream", "silence", "silence with the connection open"],
  "slow-drip": ["mid-stream", "silence", "a tiny event every delayMs (default 1000), for ever"],
  "endless-head": ["before-stream", "error", "a header of the answer never ends"],
  "endless-event": ["mid-stream", "error", "an event that never ends"],
  "endless-text": ["mid-stream", "error", "text without end, as fast as it is read"],
  "endless-thoughts": ["mid-stream", "error", "thoughts without end, as fast as they are read"],
  "endless-parts": ["mid-stream", "error", "signed parts without end, as fast as they are read"],
  "no-final-delimiter": ["odd-200", "answer", "the last event has no blank line after it"],
  "empty-200": ["odd-200", "interrupted", "200 without a body"],
  "html-200": ["odd-200", "error", "200 with an HTML page, as a captive portal gives"],
  "blocked-prompt": ["odd-200", "blocked", "promptFeedback.blockReason and no candidates"],
  "safety-no-content": ["odd-200", "blocked", "finishReason SAFETY without content"],
  "recitation-midtext": ["odd-200", "blocked", "some text, then finishReason RECITATION"],
  "empty-stop": ["odd-200", "empty", "finishReason STOP without parts"],
  "max-tokens-no-parts": ["odd-200", "cut", "thinking ate maxOutputTokens: MAX_TOKENS and no parts"],
  "function-call": ["odd-200", "wordless", "a function call and no text"],
  "model-armor": ["odd-200", "blocked", "finishReason MODEL_ARMOR with a finishMessage"],
  "account-limited": ["odd-200", "error", "finishReason PUP_LIMITED_DISABLED"],
  "absurd-usage": ["odd-200", "answer", "counts of 2^53 - 1 and 1e300, more cached than asked"],
  "nested-usage": ["odd-200", "answer", "a usage nested 1,000 deep"],
  "long-names": ["odd-200", "answer", "modelVersion, responseId and finishMessage of 20 KB each"],
  "unknown-finish": ["odd-200", "answer", "a finishReason nobody has heard of"],
  "no-usage": ["odd-200", "answer", "no usageMetadata anywhere"],
  "usage-falls": ["odd-200", "answer", "running totals that fall in the middle: only the last one is right"],
  "early-stop": ["odd-200", "answer", "finishReason STOP in the middle, then more text"],
  "huge-event": ["odd-200", "answer", "one event of 3 MB"],
  "many-tiny": ["odd-200", "answer", "2,000 events of one character"],
  "slow-first-byte": ["odd-200", "answer", "the headers come after firstByteMs (default 3000)"],
  "other-model": ["odd-200", "answer", "modelVersion names another model than was asked for"],
  "unknown-keys": ["odd-200", "answer", "keys nobody has heard of, candidates without index"],
  "named-events": ["odd-200", "answer", "event: and id: lines before data:"],
  "done-marker": ["odd-200", "answer", "data: [DONE] after the last event"],
  "split-utf8": ["odd-200", "answer", "network writes cut inside a character"],
  glued: ["odd-200", "answer", "all events in one network write"],
  halves: ["odd-200", "answer", "each event in two network writes, out of step with the events"],
} as const satisfies Record<string, readonly [FaultPhase, FaultOutcome, string]>;

export type FaultName = keyof typeof table;

export interface Fault {
  name: FaultName;
  phase: FaultPhase;
  outcome: FaultOutcome;
  description: string;
}

/** Every fault the emulator can play. On a unary call mid-stream faults break the one body as nearly as they can. */
export const faultNames: readonly Fault[] = Object.entries(table).map(([name, [phase, outcome, description]]) => ({
  name: name as FaultName,
  phase,
  outcome,
  description,
}));

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(table, name);
}
