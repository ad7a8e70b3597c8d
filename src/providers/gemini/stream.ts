// Bytes of a streamed answer -> JSON texts of its events. What the vendor sends in every good answer is cut here: events of
// one `data: {...}` line each, and a blank line. From the first thing on that is anything else, MixedFramer reads.

import type { Frame } from "./frame.ts";
import { MixedFramer } from "./mixed.ts";
import { findRun } from "./usual.ts";

const plainStart = "data: {";
const plainEvent = /data: (\{[^\r\n]*)\r?\n\r?\n/y;
/** An event that has begun: its line, its line end and its blank line, each perhaps not whole yet. */
const plainRest = /^data: \{[^\r\n]*(?:\r?(?:\n\r?)?)?$/;
/** Characters. A longer beginning goes to the parser that joins its pieces only once. */
const maxRestLength = 16 * 1024;

const ascii = 0x80;

/** For reads that end where a character does: one for all calls. */
const wholeDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Feeds on network reads, in order; `push` gives what they completed. Holds next to nothing between two events. */
export class StreamFramer {
  /** While a read has ended inside a character. */
  #decoder: TextDecoder | null = null;
  #begun = false;
  /** The beginning of an event whose end has not come yet. */
  #rest = "";
  #mixed: MixedFramer | null = null;

  /** The frames completed by one network read. */
  push(bytes: Uint8Array): readonly Frame[] {
    const text = this.#decode(bytes);
    return this.#mixed === null ? this.#cut(text) : this.#mixed.read(text);
  }

  /** The frames that only the end of the stream completes: a last event without its blank line, a last error. */
  end(): readonly Frame[] {
    this.#rest += this.#decoder?.decode() ?? "";
    if (this.#mixed === null && this.#rest === "") return [];
    return [...this.#mix(), ...this.#mixed!.end()];
  }

  #decode(bytes: Uint8Array): string {
    const isWhole = (bytes[bytes.length - 1] ?? ascii) < ascii;
    if (isWhole && this.#decoder === null) return wholeDecoder.decode(bytes);
    this.#decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
    const text = this.#decoder.decode(bytes, { stream: true });
    if (isWhole) this.#decoder = null;
    return text;
  }

  #cut(text: string): Frame[] {
    const input = this.#rest + text;
    const frames: Frame[] = [];
    let start = 0;
    while (start < input.length) {
      const run = findRun(input, start);
      plainEvent.lastIndex = start;
      const frame = run ?? plainEvent.exec(input)?.[1];
      if (frame === undefined) break;
      frames.push(frame);
      start = run?.end ?? plainEvent.lastIndex;
    }
    if (start > 0) this.#begun = true;
    this.#rest = input.slice(start);
    if (!mayBePlain(this.#rest)) frames.push(...this.#mix());
    return frames;
  }

  /** Gives what is left over to the other framer, for good. */
  #mix(): Frame[] {
    this.#mixed ??= new MixedFramer(!this.#begun);
    const rest = this.#begun ? this.#rest : this.#rest.replace(/^\ufeff/, "");
    this.#rest = "";
    return this.#mixed.read(rest);
  }
}

/** Whether what has come of an event may still turn out to be a plain one. */
function mayBePlain(rest: string): boolean {
  return plainStart.startsWith(rest) || (rest.length <= maxRestLength && plainRest.test(rest));
}
