// A streamed answer that is not all plain events -> its frames. Server-sent events of any shape are parsed by eventsource-parser;
// what the vendor mixes into them when it breaks (raw JSON lines without `data:`, glued, split, as an array, HTML) is found here.

import { createParser } from "eventsource-parser";
import { endOfValue } from "../json-slice.ts";
import type { Frame } from "./frame.ts";

/** No line of an event stream starts like this; JSON and HTML do. */
const foreignFirst = new Set('{}[]",<');
const errorStart = /\[?\s*\{\s*"error"\s*:\s*[{"]/;
/** Characters of one event, and of all that stands outside of events: as much as a whole answer may have. */
const maxEventLength = 16 * 1024 * 1024;
const maxForeignLength = 16 * 1024 * 1024;

/** Feeds on the text of network reads, from the beginning of a line on. */
export class MixedFramer {
  readonly #parser = createParser({
    onEvent: (event) => this.#found.push(event.data),
    onError: (error) => (this.#overflowed ||= error.type === "max-buffer-size-exceeded"),
    maxBufferSize: maxEventLength,
  });
  #found: string[] = [];
  #overflowed = false;
  #atLineStart = true;
  /** Text from the first foreign line on; null while the stream is a clean event stream. */
  #foreign: string | null = null;

  /** `isStart`: the text will be the stream's first, where alone a byte order mark means nothing. */
  constructor(isStart: boolean) {
    if (!isStart) this.#parser.feed("\n");
  }

  /** The frames that only the end of the stream completes: a last event without its blank line, a last error. */
  end(): Frame[] {
    return this.#foreign === null ? this.#finishEvents() : this.#finishForeign();
  }

  /** The frames completed by one network read. */
  read(text: string): Frame[] {
    if (this.#foreign !== null) return this.#readForeign(text);
    const at = findForeignLine(text, this.#atLineStart);
    if (at === -1) {
      this.#atLineStart = endsAtLineStart(text, this.#atLineStart);
      this.#parser.feed(text);
      return this.#takeEvents();
    }
    this.#parser.feed(text.slice(0, text[at] === "\n" || text[at] === "\r" ? at + 1 : at));
    const frames = this.#takeEvents();
    // An unfinished event before the foreign line may be the error's own beginning: `data: {` or `data: {...}{`.
    this.#parser.feed("\n\n");
    this.#foreign = "";
    return [...frames, ...this.#readForeign(`${this.#found.splice(0).join("")}${text.slice(at)}`)];
  }

  #takeEvents(): Frame[] {
    if (this.#overflowed) return tooLong;
    if (this.#found.length === 0) return noFrames;
    return this.#found.splice(0);
  }

  #finishEvents(): Frame[] {
    this.#parser.feed("\n\n");
    return this.#takeEvents();
  }

  #readForeign(text: string): Frame[] {
    const foreign = this.#foreign + text;
    if (foreign.length > maxForeignLength) return tooLong;
    if (this.#foreign === "" && /^\s*</.test(text)) return broken("a page of HTML instead of events");
    this.#foreign = foreign;
    return /[}\]]\s*$/.test(text) ? this.#takeForeign(false) : noFrames;
  }

  #finishForeign(): Frame[] {
    if (this.#foreign?.trim() === "") return noFrames;
    const frames = this.#takeForeign(true);
    return frames.length === 0 ? broken("the stream broke off in the middle of an event") : frames;
  }

  #takeForeign(ended: boolean): Frame[] {
    const frames = splitMixed(this.#foreign ?? "", ended);
    if (frames.length > 0) this.#foreign = "";
    return frames;
  }
}

/** Where in `text` the first foreign line begins (with the line end before it), or -1. Runs on every read: no regular expression. */
function findForeignLine(text: string, atLineStart: boolean): number {
  if (atLineStart && foreignFirst.has(text[skipBlanks(text, 0)] ?? "")) return 0;
  let first = -1;
  for (const lineEnd of ["\n", "\r"]) {
    for (let at = text.indexOf(lineEnd); at !== -1; at = text.indexOf(lineEnd, at + 1)) {
      if (!foreignFirst.has(text[skipBlanks(text, at + 1)] ?? "")) continue;
      if (first === -1 || at < first) first = at;
      break;
    }
  }
  return first;
}

/** Whether what follows `text` begins a line, apart from blanks. */
function endsAtLineStart(text: string, beganAtLineStart: boolean): boolean {
  let last = text.length - 1;
  while (last >= 0 && (text[last] === " " || text[last] === "\t")) last--;
  return last < 0 ? beganAtLineStart : text[last] === "\n" || text[last] === "\r";
}

function skipBlanks(text: string, at: number): number {
  let index = at;
  while (text[index] === " " || text[index] === "\t") index++;
  return index;
}

/**
 * Text that is not one event, as frames: an error wherever it starts, and the event before it if that is whole; or whole
 * JSON values without an error (a stand-in that answers with one array). Nothing when it is neither, or not yet.
 */
export function splitMixed(text: string, ended: boolean): Frame[] {
  const start = text.search(errorStart);
  if (start === -1) {
    const json = text.replace(/^[\s,]+/, "");
    return isJson(json) ? [json] : noFrames;
  }
  const end = endOfValue(text, start);
  if (end === -1 && !ended) return noFrames;
  const error: Frame = { kind: "error", json: text.slice(start, end === -1 ? undefined : end) };
  const before = text.slice(0, start).replace(/[\s,]+$/, "");
  const event = [before, `${before}]`].find(isJson);
  return event === undefined ? [error] : [event, error];
}

const noFrames: Frame[] = [];
const tooLong: Frame[] = [{ kind: "too-long" }];

function broken(why: string): Frame[] {
  return [{ kind: "broken", why }];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
