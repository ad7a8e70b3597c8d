// A body that comes in chunks (RFC 9112, 7.1), taken out of its framing as it arrives.

import { malformed } from "./head.ts";

const longestLine = 1_024;
const mostTrailerBytes = 8 * 1024;
const lineFeed = 0x0a;
const sizeLine = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?\r$/i;

export class ChunkReader {
  ended = false;
  #inData = false;
  #inTrailer = false;
  #left = 0;
  #line = "";
  #trailerBytes = 0;

  /** Gives out the body's bytes among these; returns how many of all were its own. Throws bad_request. */
  push(bytes: Buffer, give: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && !this.ended) {
      if (this.#inData && this.#left > 0) {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        give(data);
        continue;
      }
      const end = bytes.indexOf(lineFeed, at);
      const piece = bytes.toString("latin1", at, end === -1 ? bytes.length : end);
      at = end === -1 ? bytes.length : end + 1;
      this.#line += piece;
      if (this.#line.length > longestLine) throw malformed("a line between chunks is too long");
      if (end !== -1) this.#takeLine();
    }
    return at;
  }

  #takeLine(): void {
    const line = this.#line;
    this.#line = "";
    if (this.#inTrailer) this.#takeTrailer(line);
    else if (this.#inData) {
      if (line !== "\r") throw malformed("a chunk is longer than it said");
      this.#inData = false;
    } else this.#takeSize(line);
  }

  #takeSize(line: string): void {
    const size = sizeLine.exec(line)?.[1];
    if (size === undefined) throw malformed("a chunk without a size");
    this.#left = Number.parseInt(size, 16);
    this.#inData = this.#left > 0;
    this.#inTrailer = this.#left === 0;
  }

  /** Read over: nothing we serve takes anything from there. */
  #takeTrailer(line: string): void {
    this.#trailerBytes += line.length;
    if (!line.endsWith("\r") || this.#trailerBytes > mostTrailerBytes) throw malformed("the end of the chunks");
    this.ended = line === "\r";
  }
}
