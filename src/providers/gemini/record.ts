// What is known of a streamed answer: taken in as it comes, and printed when asked for, which is seldom.

import type { GroundingMetadata } from "@google/genai";
import type { Attempt, CallRecord } from "../../provider.ts";
import { GrowingText } from "../../turn/growing-text.ts";
import { type GroundingCounts, groundingKey } from "./usage.ts";
import { textPart } from "./wire.ts";

/** A class, not an object with getters of its own: ten thousand open streams hold one each. */
export class AnswerRecord implements CallRecord {
  readonly attempts: Attempt[] = [];
  modelServed: string | null = null;
  responseId: string | null = null;
  finishReason: string | null = null;
  finishDetail: string | null = null;
  /** The last one: parsed, or (where it came in a usual event) as JSON. */
  #usage: object | string | null = null;
  /** The last one as it was told, until something changes. */
  #printedUsage: string | null = null;
  #searchQueries: Set<string> | null = null;
  #hasSearch = false;
  #hasMaps = false;
  /** Parts as JSON texts in order; null while all of them are plain text. */
  #parts: string[] | null = null;
  /** Plain text that is not yet among the parts. */
  #plainText = new GrowingText();

  get usageRaw(): string | null {
    this.#printedUsage ??= this.#printUsage();
    return this.#printedUsage;
  }

  #printUsage(): string | null {
    if (this.#usage === null) return null;
    if (typeof this.#usage === "string") this.#usage = JSON.parse(this.#usage) as object;
    const searchQueries = this.#searchQueries?.size ?? 0;
    const searchPrompts = searchQueries > 0 || this.#hasSearch ? 1 : 0;
    const mapsPrompts = this.#hasMaps ? 1 : 0;
    if (searchPrompts + mapsPrompts === 0) return JSON.stringify(this.#usage);
    const counts: GroundingCounts = { searchPrompts, searchQueries, mapsPrompts };
    return JSON.stringify({ ...this.#usage, [groundingKey]: counts });
  }

  get vendorParts(): string | null {
    if (this.#parts === null) return null;
    const rest = this.#plainText.text === "" ? [] : [textPart(this.#plainText.text)];
    return `[${[...this.#parts, ...rest].join(",")}]`;
  }

  /** The running total: an object, or its valid JSON. */
  takeUsage(usage: object | string): void {
    this.#usage = usage;
    this.#printedUsage = null;
  }

  takeText(text: string): void {
    this.#plainText.add(text);
  }

  /** A part that is more than plain text, as its JSON. */
  takePart(json: string): void {
    this.#parts ??= [];
    if (this.#plainText.text !== "") this.#parts.push(textPart(this.#plainText.text));
    this.#plainText = new GrowingText();
    this.#parts.push(json);
  }

  takeGrounding(grounding: GroundingMetadata | undefined): void {
    if (typeof grounding !== "object" || grounding === null) return;
    this.#printedUsage = null;
    for (const query of asArray(grounding.webSearchQueries)) {
      if (typeof query !== "string" || query.trim() === "") continue;
      this.#searchQueries ??= new Set();
      this.#searchQueries.add(query);
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
