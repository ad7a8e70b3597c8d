// The usual event of a stream differs from the one before it only in its text and in the numbers of its usage. Once such an
// event was parsed whole, the next ones are recognised by comparing what stays the same, which costs about half of parsing.

import type { GenerateContentResponse } from "@google/genai";
import { endOfString, findValue } from "../json-slice.ts";

/** What an event of the usual kind says. */
export interface UsualReading {
  text: string;
  /** The usage object's JSON; null when events of this kind have none. */
  usageJson: string | null;
}

const zero = 0x30;
const nine = 0x39;

/** What all events of one kind have in common, byte for byte. Any digits in the place of others make valid JSON again. */
export class UsualEvent {
  readonly isThought: boolean;
  /** Up to the text's opening quote, and with it. */
  readonly #head: string;
  /** From the text's closing quote on: what stands between the numbers of the usage. */
  readonly #between: string[] = [];
  /** After the last of these numbers. */
  readonly #tail: string;
  /** Where the usage object is: characters between it and the text's closing quote, and after it. */
  readonly #usage: { afterText: number; beforeEnd: number } | null;

  private constructor(
    json: string,
    textStart: number,
    usage: { start: number; end: number } | null,
    isThought: boolean,
  ) {
    this.isThought = isThought;
    this.#head = json.slice(0, textStart + 1);
    const textEnd = endOfString(json, textStart) - 1;
    this.#usage = usage && { afterText: usage.start - textEnd, beforeEnd: json.length - usage.end };
    let from = textEnd;
    for (let at = usage?.start ?? json.length; at < (usage?.end ?? 0); at++) {
      if (json[at] === '"') at = endOfString(json, at) - 1;
      const end = skipDigits(json, at);
      if (end === at) continue;
      this.#between.push(json.slice(from, at));
      from = end;
      at = end - 1;
    }
    this.#tail = json.slice(from);
  }

  /**
   * Learns from an event that was parsed whole. Null unless its candidate is one part of plain text (or of thought), and it
   * says nothing that must not be overlooked when it comes again.
   */
  static learn(json: string, response: Partial<GenerateContentResponse>, candidateAt: number): UsualEvent | null {
    const candidate = response.candidates?.[candidateAt];
    const parts = candidate?.content?.parts;
    if (!Array.isArray(parts) || parts.length !== 1 || typeof parts[0]?.text !== "string") return null;
    if (candidate?.finishReason || candidate?.groundingMetadata || response.promptFeedback) return null;
    for (const name in parts[0]) if (name !== "text" && name !== "thought") return null;
    const text = findValue(json, ["candidates", candidateAt, "content", "parts", 0, "text"]);
    const hasUsage = typeof response.usageMetadata === "object" && response.usageMetadata !== null;
    const usage = hasUsage ? findValue(json, ["usageMetadata"]) : null;
    if (text === undefined || usage === undefined || (usage && usage.start < text.start)) return null;
    return new UsualEvent(json, text.start, usage, parts[0].thought === true);
  }

  /** Undefined for an event of any other kind, also for one that is no valid JSON. */
  read(json: string): UsualReading | undefined {
    const head = this.#head;
    if (!json.startsWith(head)) return undefined;
    const textEnd = endOfString(json, head.length - 1) - 1;
    let at = textEnd;
    if (at < 0) return undefined;
    for (const piece of this.#between) {
      if (!json.startsWith(piece, at)) return undefined;
      const digits = at + piece.length;
      at = skipDigits(json, digits);
      if (at === digits || (json.charCodeAt(digits) === zero && at > digits + 1)) return undefined;
    }
    if (at + this.#tail.length !== json.length || !json.endsWith(this.#tail)) return undefined;
    const text = parseText(json.slice(head.length - 1, textEnd + 1));
    if (text === undefined) return undefined;
    const usage = this.#usage;
    const usageJson = usage && json.slice(textEnd + usage.afterText, json.length - usage.beforeEnd);
    return { text, usageJson };
  }
}

function skipDigits(json: string, at: number): number {
  let end = at;
  for (let code = json.charCodeAt(end); code >= zero && code <= nine; code = json.charCodeAt(end)) end++;
  return end;
}

/** Parsed, not cut out, also where nothing is escaped: a cut string would keep the whole network read in memory. */
function parseText(literal: string): string | undefined {
  try {
    return JSON.parse(literal);
  } catch {
    return undefined;
  }
}
