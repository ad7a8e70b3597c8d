// One streamed answer, folded: the vendor's responses go in, our events come out, and the call's record is kept current.

import type { Candidate, GenerateContentResponse, Part } from "@google/genai";
import type { ProviderEvent } from "../../provider.ts";
import { findValue, sliceElements } from "../json-slice.ts";
import { GeminiError, toGeminiError } from "./errors.ts";
import { readFailure } from "./failure.ts";
import type { Frame } from "./frame.ts";
import { splitMixed } from "./mixed.ts";
import type { AttemptRecord } from "./record.ts";
import { UsualEvent } from "./usual.ts";

/** Finish and block words that mean "the filter stopped it" (https://ai.google.dev/api/generate-content#FinishReason, read 2026-11-23). */
const blockWords = new Set(
  "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION".split(
    " ",
  ),
);

/** Kinds of events learned one after another, and none of them seen again, before a stream is held to have no usual event. */
const maxUnseen = 4;

/** The answer to one request, which keeps that attempt's record. */
export class Answer {
  readonly record: AttemptRecord;
  #usageIsNew = false;
  /** Whether anything came that a reader would call an answer: text, or a part of another kind. */
  #hasContent = false;
  /** Learned from the last event that was parsed whole: so nothing but text and usage can have changed since. */
  #usual: UsualEvent | null = null;
  #unseenKinds = 0;

  constructor(record: AttemptRecord) {
    this.record = record;
  }

  /** Applies one frame, adding its events to `out`. Throws GeminiError for an error frame and for what cannot be read. */
  read(frame: Frame, out: ProviderEvent[]): void {
    if (typeof frame === "string") this.#readEvent(frame, out);
    else if (frame.kind === "broken") throw unreadable(frame.why);
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
    if (this.record.finishReason === null) throw unreadable("the stream ended without a finish reason");
    if (this.record.finishReason === "stop" && !this.#hasContent) this.record.finishReason = "empty";
  }

  #readEvent(json: string, out: ProviderEvent[]): void {
    if (this.#readUsual(json, out) || json === "[DONE]") return;
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

  /** Does for an event of the kind last learned what `#readResponse` would do. */
  #readUsual(json: string, out: ProviderEvent[]): boolean {
    const usual = this.#usual;
    const reading = usual?.read(json);
    if (!usual || !reading) return false;
    this.#unseenKinds = 0;
    this.#takeText(reading.text, usual.isThought, out);
    if (reading.usageJson !== null) this.#takeUsage(reading.usageJson);
    return true;
  }

  #learnUsual(response: Partial<GenerateContentResponse>, candidateAt: number, json: string): void {
    this.#usual = this.#unseenKinds < maxUnseen ? UsualEvent.learn(json, response, candidateAt) : null;
    if (this.#usual) this.#unseenKinds++;
  }

  #takeText(text: string, isThought: boolean, out: ProviderEvent[]): void {
    if (text === "") return;
    out.push({ type: isThought ? "thought-delta" : "text-delta", text });
    if (isThought) return;
    this.record.takeText(text);
    this.#hasContent = true;
  }

  #takeUsage(json: string): void {
    this.record.takeUsage(json);
    this.#usageIsNew = true;
  }

  #readResponse(response: Partial<GenerateContentResponse>, json: string, out: ProviderEvent[]): void {
    const { record } = this;
    if ("error" in response) throw toGeminiError(readFailure(null, json));
    if (typeof response.modelVersion === "string") record.modelServed = response.modelVersion.replace(/^models\//, "");
    if (typeof response.responseId === "string") record.responseId = response.responseId;
    const blockReason = response.promptFeedback?.blockReason;
    if (blockReason) {
      record.finishReason = "blocked";
      record.finishDetail = joinWords(String(blockReason), response.promptFeedback?.blockReasonMessage);
    }
    const at = findCandidate(response.candidates);
    if (at !== -1) this.#readCandidate(response.candidates![at]!, at, json, out);
    if (typeof response.usageMetadata === "object" && response.usageMetadata !== null) {
      const place = findValue(json, ["usageMetadata"]);
      if (place) this.#takeUsage(json.slice(place.start, place.end));
    }
    this.#learnUsual(response, at, json);
  }

  #readCandidate(candidate: Candidate, at: number, json: string, out: ProviderEvent[]): void {
    const parts = candidate.content?.parts;
    if (Array.isArray(parts)) this.#readParts(parts, at, json, out);
    this.record.takeGrounding(candidate.groundingMetadata);
    const reason: unknown = candidate.finishReason;
    if (!reason || reason === "FINISH_REASON_UNSPECIFIED") return;
    const word = String(reason);
    this.record.finishReason = blockWords.has(word) ? "blocked" : word.toLowerCase();
    this.record.finishDetail = blockWords.has(word)
      ? joinWords(word, candidate.finishMessage)
      : joinWords("", candidate.finishMessage);
  }

  #readParts(parts: Part[], candidateAt: number, json: string, out: ProviderEvent[]): void {
    let rawParts: string[] | undefined;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      if (typeof part !== "object" || part === null) continue;
      const text = typeof part.text === "string" ? part.text : undefined;
      const isThought = part.thought === true;
      if (!holdsMore(part)) {
        this.#takeText(text ?? "", isThought, out);
        continue;
      }
      if (text) out.push({ type: isThought ? "thought-delta" : "text-delta", text });
      rawParts ??= slicePartTexts(json, candidateAt);
      this.record.takePart(rawParts[index] ?? JSON.stringify(part));
      if (text === undefined || (text !== "" && !isThought)) this.#hasContent = true;
    }
  }
}

/** The vendor sent something that is no answer of its protocol. */
function unreadable(what: string): GeminiError {
  return new GeminiError("provider_error", "The provider's answer broke off or could not be read.", { cause: what });
}

/** Only the first candidate is ours: index 0, or the first one where none is numbered. */
function findCandidate(candidates: unknown): number {
  if (!Array.isArray(candidates)) return -1;
  return candidates.findIndex(
    (candidate) => typeof candidate === "object" && candidate !== null && (candidate.index ?? 0) === 0,
  );
}

/** Whether a part is more than plain text or a plain thought, so that only its own JSON can stand for it. */
function holdsMore(part: Part): boolean {
  for (const name in part) if (name !== "text" && name !== "thought") return true;
  return false;
}

function slicePartTexts(json: string, candidateAt: number): string[] {
  const parts = findValue(json, ["candidates", candidateAt, "content", "parts"]);
  return parts ? sliceElements(json, parts.start) : [];
}

function joinWords(word: string, message: string | undefined): string | null {
  const words = [word, typeof message === "string" ? message : ""].filter((text) => text !== "");
  return words.length === 0 ? null : words.join(": ");
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
