// One streamed answer, folded: the vendor's responses go in, our events come out, and the call's record is kept current.

import type { Candidate, GenerateContentResponse, Part } from "@google/genai";
import type { Attempt, CallRecord, ProviderEvent } from "../provider.ts";
import { GeminiError, toGeminiError } from "./gemini-errors.ts";
import { readFailure } from "./gemini-failure.ts";
import { type Frame, splitMixed } from "./gemini-stream.ts";
import { type GroundingCounts, groundingKey } from "./gemini-usage.ts";
import { textPart } from "./gemini-wire.ts";
import { sliceElements, sliceMember } from "./json-slice.ts";

/** Finish and block words that mean "the filter stopped it" (https://ai.google.dev/api/generate-content#FinishReason, read 2026-11-23). */
const blockWords = new Set(
  "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION".split(
    " ",
  ),
);

/** The answer of one call. One object per call: a later attempt goes on where an earlier one delivered nothing. */
export class Answer {
  readonly record: CallRecord;
  #usage: object | null = null;
  #usageIsNew = false;
  #searchQueries = new Set<string>();
  #grounded = { search: false, maps: false };
  /** Parts as JSON texts in order, plain text not yet among them, and whether any of it was more than plain text. */
  #parts: string[] = [];
  #plainText = "";
  /** Whether anything came that a reader would call an answer: text, or a part of another kind. */
  #hasContent = false;

  constructor(attempts: Attempt[] = []) {
    const answer = this;
    this.record = {
      attempts,
      modelServed: null,
      responseId: null,
      finishReason: null,
      finishDetail: null,
      // Printed when asked for: a stream changes them a hundred times and they are read a few times.
      get usageRaw() {
        return answer.#printUsage();
      },
      get vendorParts() {
        return answer.#printParts();
      },
    };
  }

  /** Applies one frame, adding its events to `out`. Throws GeminiError for an error frame and for what cannot be read. */
  read(frame: Frame, out: ProviderEvent[]): void {
    if (frame.kind === "broken") throw unreadable(frame.why);
    if (frame.kind === "error") throw toGeminiError(readFailure(null, frame.json));
    if (frame.json === "[DONE]") return;
    const parsed = parseJson(frame.json);
    if (parsed === undefined) {
      const frames = splitMixed(frame.json, true);
      if (frames.length === 0) throw unreadable(`an event that is not JSON: ${frame.json.slice(0, 200)}`);
      for (const part of frames) this.read(part, out);
    } else if (Array.isArray(parsed)) {
      for (const json of sliceElements(frame.json)) this.read({ kind: "event", json }, out);
    } else if (typeof parsed === "object" && parsed !== null) {
      this.#readResponse(parsed as Partial<GenerateContentResponse>, frame.json, out);
    } else throw unreadable(`an event that is not an object: ${frame.json.slice(0, 200)}`);
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
      this.#usage = response.usageMetadata;
      this.#usageIsNew = true;
    }
  }

  #readCandidate(candidate: Candidate, at: number, json: string, out: ProviderEvent[]): void {
    const parts = candidate.content?.parts;
    if (Array.isArray(parts)) this.#readParts(parts, at, json, out);
    this.#readGrounding(candidate);
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
      if (text) out.push({ type: isThought ? "thought" : "text", text });
      if (holdsMore(part)) {
        rawParts ??= slicePartTexts(json, candidateAt);
        this.#endPlainText();
        this.#parts.push(rawParts[index] ?? JSON.stringify(part));
      } else if (text && !isThought) this.#plainText += text;
      if ((text && !isThought) || (text === undefined && holdsMore(part))) this.#hasContent = true;
    }
  }

  #readGrounding(candidate: Candidate): void {
    const grounding = candidate.groundingMetadata;
    if (typeof grounding !== "object" || grounding === null) return;
    for (const query of asArray(grounding.webSearchQueries)) {
      if (typeof query === "string" && query.trim() !== "") this.#searchQueries.add(query);
    }
    for (const chunk of asArray(grounding.groundingChunks)) {
      if (typeof chunk !== "object" || chunk === null) continue;
      if ("maps" in chunk) this.#grounded.maps = true;
      if ("web" in chunk) this.#grounded.search = true;
    }
  }

  #endPlainText(): void {
    if (this.#plainText !== "") this.#parts.push(textPart(this.#plainText));
    this.#plainText = "";
  }

  #printParts(): string | null {
    if (this.#parts.length === 0) return null;
    const rest = this.#plainText === "" ? [] : [textPart(this.#plainText)];
    return `[${[...this.#parts, ...rest].join(",")}]`;
  }

  #printUsage(): string | null {
    if (this.#usage === null) return null;
    const searchQueries = this.#searchQueries.size;
    const searchPrompts = searchQueries > 0 || this.#grounded.search ? 1 : 0;
    const mapsPrompts = this.#grounded.maps ? 1 : 0;
    if (searchPrompts + mapsPrompts === 0) return JSON.stringify(this.#usage);
    const counts: GroundingCounts = { searchPrompts, searchQueries, mapsPrompts };
    return JSON.stringify({ ...this.#usage, [groundingKey]: counts });
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
  const candidate = sliceElements(sliceMember(json, "candidates") ?? "[]")[candidateAt] ?? "{}";
  return sliceElements(sliceMember(sliceMember(candidate, "content") ?? "{}", "parts") ?? "[]");
}

function joinWords(word: string, message: string | undefined): string | null {
  const words = [word, typeof message === "string" ? message : ""].filter((text) => text !== "");
  return words.length === 0 ? null : words.join(": ");
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
