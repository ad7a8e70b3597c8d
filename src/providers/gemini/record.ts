// What is known of a streamed answer: taken in as it comes, and printed when asked for, which is seldom.

import type { GroundingMetadata } from "@google/genai";
import type { ErrorCode } from "../../errors.ts";
import type { Counted } from "../../money/usage.ts";
import type { AnsweredAttempt } from "../../provider.ts";
import { findValue } from "../json-slice.ts";
import { textPart } from "./wire.ts";

/** In characters; the longest in 1,528 recordings is a tenth of it. */
const longestUsage = 16_384;
const mostQueries = 1_000;
const longestQuery = 1_000;
const mostNotShown = 20;

/** What we call this vendor, in the books too. */
export const vendor = "gemini";

/** A part that is more than plain text, as its JSON, and where its words begin and end among the answer's. */
export interface SignedPart {
  json: string;
  start: number;
  end: number;
}

/** One attempt and what its answer holds. A class, not an object with getters of its own: ten thousand open streams hold one each. */
export class AttemptRecord implements AnsweredAttempt {
  readonly at: number;
  readonly vendor = vendor;
  readonly model: string;
  status: number | null = null;
  errorCode: ErrorCode | null = null;
  modelServed: string | null = null;
  finishReason: string | null = null;
  finishDetail: string | null = null;
  readonly notShown: string[] = [];
  /** The last event that had a usage, until it is asked for. */
  #usageEvent: string | null = null;
  #usageRaw: string | null = null;
  #searchQueries: Set<string> | null = null;
  #hasSearch = false;
  #hasMaps = false;
  /** Null while all parts are plain text. */
  #parts: SignedPart[] | null = null;

  constructor(at: number, model: string) {
    this.at = at;
    this.model = model;
  }

  /** The one prompt counts once where anything was searched, and each query of the answer's once. */
  get counted(): Counted | null {
    const queries = this.#searchQueries?.size ?? 0;
    const prompts = queries > 0 || this.#hasSearch ? 1 : 0;
    const mapsPrompts = this.#hasMaps ? 1 : 0;
    if (prompts + mapsPrompts === 0) return null;
    return { search: { prompts, queries }, maps: { prompts: mapsPrompts } };
  }

  printParts(answer: string): string | null {
    if (this.#parts === null) return null;
    const printed: string[] = [];
    let at = 0;
    for (const { json, start, end } of this.#parts) {
      if (start > at) printed.push(textPart(answer.slice(at, start)));
      printed.push(json);
      at = end;
    }
    if (at < answer.length) printed.push(textPart(answer.slice(at)));
    return `[${printed.join(",")}]`;
  }

  /** The running total is in this event; `raw`: it has been cut out of it. */
  takeUsage(event: string | null, raw: string | null = null): void {
    this.#usageEvent = event;
    this.#usageRaw = raw;
  }

  /** As it was sent. One beyond all measure is not kept, and what stands for it is read as no usage. */
  get usageRaw(): string | null {
    if (this.#usageEvent === null) return this.#usageRaw;
    const place = findValue(this.#usageEvent, ["usageMetadata"]);
    if (place) {
      const length = place.end - place.start;
      this.#usageRaw =
        length <= longestUsage
          ? this.#usageEvent.slice(place.start, place.end)
          : JSON.stringify(`a usage of ${length} characters, which is not kept`);
    }
    this.#usageEvent = null;
    return this.#usageRaw;
  }

  /** Something came that is not text, by a name of ours or by the vendor's. */
  noteNotShown(name: string): void {
    if (this.notShown.length < mostNotShown && !this.notShown.includes(name)) this.notShown.push(name);
  }

  takePart(part: SignedPart): void {
    this.#parts ??= [];
    this.#parts.push(part);
  }

  takeGrounding(grounding: GroundingMetadata | undefined): void {
    if (typeof grounding !== "object" || grounding === null) return;
    for (const query of asArray(grounding.webSearchQueries)) {
      if (typeof query !== "string" || query.trim() === "") continue;
      this.#searchQueries ??= new Set();
      if (this.#searchQueries.size < mostQueries) this.#searchQueries.add(query.slice(0, longestQuery));
    }
    for (const chunk of asArray(grounding.groundingChunks)) {
      if (typeof chunk !== "object" || chunk === null) continue;
      if ("maps" in chunk) this.#hasMaps = true;
      if ("web" in chunk) this.#hasSearch = true;
    }
  }
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
