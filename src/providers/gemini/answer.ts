// One streamed answer, folded: the vendor's responses go in, our events come out, and the attempt's record is kept current.

import type { Candidate, GenerateContentResponse, Part } from "@google/genai";
import type { ProviderEvent } from "../../provider.ts";
import { findValue, sliceElements } from "../json-slice.ts";
import { GeminiError, toGeminiError, tooLong } from "./errors.ts";
import { readFailure } from "./failure.ts";
import { accountWord, type Finish, readBlock, readFinish } from "./finish.ts";
import type { Frame } from "./frame.ts";
import { splitMixed } from "./mixed.ts";
import { functionCall, holdsMore, nameOther, nameSources } from "./parts.ts";
import type { AttemptRecord, SignedPart } from "./record.ts";
import type { Run } from "./usual.ts";

/**
 * What one answer may hold, in bytes: some eight times the longest that a model writes (65,536 tokens). Each delta and each part
 * counts for more than its text, because it takes more to keep.
 */
const maxAnswerBytes = 4 * 1024 * 1024;
const bytesBeside = 64;
/** In characters: of a model's name. */
const longestName = 200;

/** The answer to one request, which keeps that attempt's record. */
export class Answer {
  readonly record: AttemptRecord;
  #usageIsNew = false;
  /** Characters of its words. */
  #length = 0;
  /** Any event at all, and any that had a candidate, or said something of the question. */
  #hasEvents = false;
  #hasCandidate = false;
  #hasFeedback = false;
  #bytesLeft = maxAnswerBytes;

  readonly #hide: (text: string) => string;

  /** `hide` takes the key out of what the vendor says in words of its own. */
  constructor(record: AttemptRecord, hide: (text: string) => string = (text) => text) {
    this.record = record;
    this.#hide = hide;
  }

  /** Applies one frame, adding its events to `out`. Throws GeminiError for an error frame, for what cannot be read, and past the limit. */
  read(frame: Frame, out: ProviderEvent[]): void {
    if (typeof frame === "string") this.#readEvent(frame, out);
    else if (frame.kind === "run") this.#takeRun(frame, out);
    else if (frame.kind === "broken") throw unreadable(frame.why);
    else if (frame.kind === "too-long") throw tooLong("one event has reached its limit");
    else throw toGeminiError(readFailure(null, frame.json));
  }

  /** Whether the running total changed since this was last asked. */
  takeUsageChange(): boolean {
    const changed = this.#usageIsNew;
    this.#usageIsNew = false;
    return changed;
  }

  /** The vendor's stream is over. Throws GeminiError when the answer is not whole. */
  finish(): void {
    const { record } = this;
    if (record.finishReason === null && this.#hasFeedback && !this.#hasCandidate) this.#end(readBlock(null, null));
    if (!this.#hasEvents) throw nothingCame();
    if (record.finishReason === null) throw unreadable("the stream ended without a finish reason");
    if (record.finishReason === "stop") record.finishReason = this.#chooseStop();
  }

  /** What "the model was done" means: it waits for a function, has said nothing that can be shown, or nothing at all. */
  #chooseStop(): string {
    const { notShown } = this.record;
    if (notShown.includes(functionCall)) return "tool_calls";
    if (this.#length > 0) return "stop";
    return notShown.length > 0 ? "content_not_shown" : "empty";
  }

  #readEvent(json: string, out: ProviderEvent[]): void {
    if (json === "[DONE]") return;
    const parsed = parseJson(json);
    if (parsed === undefined) {
      const frames = splitMixed(json, true);
      if (frames.length === 0) throw unreadable(`an event that is not JSON: ${json.slice(0, 200)}`);
      for (const part of frames) this.read(part, out);
    } else if (Array.isArray(parsed)) {
      for (const element of sliceElements(json)) this.#readEvent(element, out);
    } else if (typeof parsed === "object" && parsed !== null) {
      this.#readResponse(parsed as Partial<GenerateContentResponse>, json, out);
    } else throw unreadable(`an event that is not an object: ${json.slice(0, 200)}`);
  }

  /** Pieces of text with the running total: nothing else of them needs to be looked at. */
  #takeRun({ texts, isThought, isDone, usage, model }: Run, out: ProviderEvent[]): void {
    const { record } = this;
    this.#hasEvents = true;
    this.#hasCandidate = true;
    record.modelServed = model;
    record.takeUsage(null, usage);
    this.#usageIsNew = true;
    if (isDone) this.#end({ reason: "stop", detail: null });
    this.#give(texts, isThought, out);
  }

  #readResponse(response: Partial<GenerateContentResponse>, json: string, out: ProviderEvent[]): void {
    const { record } = this;
    if ("error" in response) throw toGeminiError(readFailure(null, json));
    this.#hasEvents = true;
    const { modelVersion, promptFeedback, usageMetadata } = response;
    if (typeof modelVersion === "string")
      record.modelServed = modelVersion.replace(/^models\//, "").slice(0, longestName);
    if (typeof promptFeedback === "object" && promptFeedback !== null) this.#hasFeedback = true;
    if (promptFeedback?.blockReason)
      this.#end(readBlock(promptFeedback.blockReason, promptFeedback.blockReasonMessage));
    if (typeof usageMetadata === "object" && usageMetadata !== null) {
      record.takeUsage(json);
      this.#usageIsNew = true;
    }
    const at = findCandidate(response.candidates);
    if (at !== -1) this.#readCandidate(response.candidates![at]!, at, json, out);
  }

  #readCandidate(candidate: Candidate, at: number, json: string, out: ProviderEvent[]): void {
    this.#hasCandidate = true;
    const parts = candidate.content?.parts;
    if (Array.isArray(parts)) this.#readParts(parts, at, json, out);
    this.record.takeGrounding(candidate.groundingMetadata);
    for (const name of nameSources(candidate)) this.record.noteNotShown(name);
    const finish = readFinish(candidate.finishReason, candidate.finishMessage);
    if (finish === undefined) return;
    this.#end(finish);
    if (finish.reason === accountWord.toLowerCase()) throw accountLimited(finish.detail);
  }

  #end({ reason, detail }: Finish): void {
    this.record.finishReason = reason;
    this.record.finishDetail = detail === null ? null : this.#hide(detail);
  }

  #readParts(parts: Part[], candidateAt: number, json: string, out: ProviderEvent[]): void {
    let rawParts: string[] | undefined;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      if (typeof part !== "object" || part === null) continue;
      const text = typeof part.text === "string" ? part.text : "";
      const isThought = part.thought === true;
      const other = nameOther(part);
      if (other !== undefined) this.record.noteNotShown(other);
      const start = this.#length;
      if (text !== "") this.#give([text], isThought, out);
      if (other === undefined && holdsMore(part)) {
        rawParts ??= slicePartTexts(json, candidateAt);
        this.#takePart({ json: rawParts[index] ?? JSON.stringify(part), start, end: this.#length });
      }
    }
  }

  #give(pieces: string[], isThought: boolean, out: ProviderEvent[]): void {
    const text = pieces.join("");
    if (text === "") return;
    this.#spend(text, pieces.length);
    out.push({ type: isThought ? "thought-delta" : "text-delta", text, pieces });
    if (!isThought) this.#length += text.length;
  }

  /** To be sent back as it is: text with something beside it. What is not text is not: nobody has answered it. */
  #takePart(part: SignedPart): void {
    this.#spend(part.json);
    this.record.takePart(part);
  }

  #spend(text: string, parts = 1): void {
    this.#bytesLeft -= Buffer.byteLength(text) + bytesBeside * parts;
    if (this.#bytesLeft < 0) throw tooLong("the answer has reached its limit in bytes");
  }
}

/** The vendor sent something that is no answer of its protocol. */
function unreadable(what: string): GeminiError {
  return new GeminiError("provider_error", "The provider's answer broke off or could not be read.", { cause: what });
}

/** Seen of the vendor where a small limit on the output was spent before the first word (two recordings of 2.5-flash). */
function nothingCame(): GeminiError {
  const likely = "Most likely all of max_output_tokens was spent on thinking: allow more, or ask for less thinking.";
  return new GeminiError("provider_error", `The provider ended its answer without a word. ${likely}`, {
    cause: "a 200 with an empty body",
  });
}

function accountLimited(detail: string | null): GeminiError {
  return new GeminiError(
    "provider_refused_key",
    "The model provider has limited this server's account. The operator must see to it with the provider.",
    { cause: `${accountWord} ${detail ?? ""}`.trim() },
  );
}

/** Only the first candidate is ours: index 0, or the first one where none is numbered. */
function findCandidate(candidates: unknown): number {
  if (!Array.isArray(candidates)) return -1;
  return candidates.findIndex(
    (candidate) => typeof candidate === "object" && candidate !== null && (candidate.index ?? 0) === 0,
  );
}

function slicePartTexts(json: string, candidateAt: number): string[] {
  const parts = findValue(json, ["candidates", candidateAt, "content", "parts"]);
  return parts ? sliceElements(json, parts.start) : [];
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
