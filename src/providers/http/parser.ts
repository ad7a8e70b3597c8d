// The bytes of one HTTP/1.1 answer -> its status, its headers, and its body without the framing (RFC 9112, read 2026-11-26).

/** An answer that breaks the protocol. */
export class HttpSyntaxError extends Error {}

/** An answer whose head or trailer is longer than any that is taken. */
export class HttpLimitError extends HttpSyntaxError {}

const maxHeadBytes = 64 * 1024;
const maxTrailerBytes = 64 * 1024;
/** A chunk of up to 2^48 bytes: more digits than that are no length. */
const maxSizeDigits = 12;
const statusLine = /^HTTP\/1\.[01] [1-9]\d\d(?: [^\r\n\0]*)?\r\n/;
/** Lines of a name and a value, and nothing else: not folded, no blank in or after a name, no control byte (RFC 9112 5, 5.1, 5.2). */
const headerLines = /(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const wholeHead = new RegExp(statusLine.source + headerLines.source);
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const hexDigits = Int8Array.from({ length: 256 }, (_, byte) =>
  "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase()),
);
const nothing = new Uint8Array(0);

/** What comes next. Numbers: words are compared once or more for each byte between the chunks. */
const phases = {
  head: 0,
  size: 1,
  extension: 2,
  sizeEnd: 3,
  data: 4,
  dataEnd: 5,
  lineEnd: 6,
  trailer: 7,
  length: 8,
  toClose: 9,
  over: 10,
} as const;

/** Takes the bytes in the order of their coming. One for each answer. */
export class AnswerParser {
  /** 0 until the head has come. Never an interim 1xx: those are passed over. */
  status = 0;
  #phase: number = phases.head;
  #head = "";
  #headBytes: Uint8Array = nothing;
  /** Of the chunk or of the whole body; in a trailer, the bytes of its line. */
  #left = 0;
  #digits = 0;
  #trailerBytes = 0;
  #keepsAlive = false;

  get ended(): boolean {
    return this.#phase === phases.over;
  }

  /** Whether the connection may carry another request after this answer. */
  get reusable(): boolean {
    return this.ended && this.#keepsAlive;
  }

  /** The header's values in lower case, joined by a comma where it came more than once; "" where it did not come. */
  header(name: string): string {
    let values: string | undefined;
    for (let at = this.#head.indexOf(name); at !== -1; at = this.#head.indexOf(name, at + 1)) {
      const end = at + name.length;
      if (this.#head[at - 1] !== "\n" || this.#head[end] !== ":") continue; // in another's name, or in a value
      const value = this.#head.slice(end + 1, this.#head.indexOf("\r", end)).trim();
      values = values === undefined ? value : `${values}, ${value}`;
    }
    return values ?? "";
  }

  /** The body's bytes among these, which are changed where they lie. Throws HttpSyntaxError. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#phase !== phases.head) return this.#readBody(bytes, 0);
    const known = this.#headBytes.length;
    const all = known === 0 ? bytes : Buffer.concat([this.#headBytes, bytes]);
    let from = 0;
    let look = Math.max(0, known - 3);
    while (this.#phase === phases.head) {
      const end = Buffer.prototype.indexOf.call(all, "\r\n\r\n", look, "latin1");
      if (end === -1 ? all.length - from > maxHeadBytes : end - from > maxHeadBytes)
        throw new HttpLimitError("the answer's head is too long");
      if (end === -1) {
        this.#headBytes = all.slice(from);
        return nothing;
      }
      this.#readHead(Buffer.prototype.latin1Slice.call(all, from, end + 2));
      from = end + 4;
      look = from;
    }
    this.#headBytes = nothing;
    return this.#readBody(all, from);
  }

  /** The connection was closed. Throws HttpSyntaxError where the answer is not whole. */
  close(): void {
    if (this.#phase === phases.toClose) this.#phase = phases.over;
    if (this.#phase !== phases.over) throw new HttpSyntaxError("the connection was closed before the answer was whole");
  }

  #readHead(head: string): void {
    if (!wholeHead.test(head))
      throw new HttpSyntaxError(
        statusLine.test(head) ? "the answer's head is malformed" : "the answer is not HTTP/1.1",
      );
    const status = Number(head.slice(9, 12));
    if (status < 200 && status !== 101) return;
    this.status = status;
    this.#head = head.toLowerCase();
    this.#chooseFraming(head.startsWith("HTTP/1.1"));
  }

  #chooseFraming(isCurrent: boolean): void {
    const coding = this.header("transfer-encoding");
    const length = this.#head.includes("\r\ncontent-length:") ? this.header("content-length") : null;
    const isClosing = /(?:^|,)\s*close\s*(?:,|$)/.test(this.header("connection"));
    this.#keepsAlive = isCurrent && !isClosing && (coding === "" || length === null);
    if (this.status === 204 || this.status === 304) this.#phase = phases.over;
    else if (coding === "chunked") this.#phase = phases.size;
    else if (coding !== "") throw new HttpSyntaxError("the answer's transfer coding is not chunked");
    else if (length !== null) this.#takeLength(length);
    else {
      this.#phase = phases.toClose;
      this.#keepsAlive = false;
    }
  }

  #takeLength(length: string): void {
    const [first = "", ...others] = length.split(",").map((text) => text.trim());
    if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first))
      throw new HttpSyntaxError("the answer's length is not a number");
    this.#left = Number(first);
    this.#phase = this.#left === 0 ? phases.over : phases.length;
  }

  #readBody(bytes: Uint8Array, from: number): Uint8Array {
    if (this.#phase === phases.toClose) return bytes.subarray(from);
    if (this.#phase === phases.length) {
      const end = Math.min(bytes.length, from + this.#left);
      this.#left -= end - from;
      if (this.#left === 0) this.#phase = phases.over;
      this.#refuseMore(bytes.length - end);
      return bytes.subarray(from, end);
    }
    return this.#phase === phases.over ? this.#refuseMore(bytes.length - from) : this.#readChunks(bytes, from);
  }

  /** Moves the chunks' data together, over what stood between them. */
  #readChunks(bytes: Uint8Array, from: number): Uint8Array {
    let start = from;
    let end = from;
    let at = this.#readFraming(bytes, from);
    while (at < bytes.length && this.#phase === phases.data) {
      const size = Math.min(this.#left, bytes.length - at);
      if (end === start) start = end = at;
      else bytes.copyWithin(end, at, at + size);
      end += size;
      this.#left -= size;
      if (this.#left === 0) this.#phase = phases.dataEnd;
      at = this.#readFraming(bytes, at + size);
    }
    this.#refuseMore(bytes.length - at);
    return bytes.subarray(start, end);
  }

  /** What stands between two chunks' data. Returns where the next one's begins, or where these bytes or the answer end. */
  #readFraming(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#phase !== phases.data && this.#phase !== phases.over) {
      switch (this.#phase) {
        case phases.size:
          at = this.#readSize(bytes, at);
          break;
        case phases.extension:
          this.#readExtension(bytes[at++]!);
          break;
        case phases.sizeEnd:
          if (bytes[at++] !== lineFeed) throw new HttpSyntaxError("a chunk's size does not end its line");
          this.#digits = 0;
          this.#phase = this.#left === 0 ? phases.trailer : phases.data;
          break;
        case phases.dataEnd:
          if (bytes[at++] !== carriageReturn) throw new HttpSyntaxError("a chunk is longer than its size");
          this.#phase = phases.lineEnd;
          break;
        case phases.lineEnd:
          if (bytes[at++] !== lineFeed) throw new HttpSyntaxError("a chunk is longer than its size");
          this.#phase = phases.size;
          break;
        default:
          this.#readTrailer(bytes[at++]!);
      }
    }
    return at;
  }

  /** The digits and the byte behind them, as far as they have come. Returns where it stopped. */
  #readSize(bytes: Uint8Array, from: number): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const digit = hexDigits[bytes[at]!]!;
      if (digit === -1) break;
      this.#left = this.#left * 16 + digit;
    }
    this.#digits += at - from;
    const isSize = this.#digits > 0 && this.#digits <= maxSizeDigits;
    if (isSize && at === bytes.length) return at;
    const byte = bytes[at];
    if (isSize && byte === carriageReturn) this.#phase = phases.sizeEnd;
    else if (isSize && (byte === 0x3b || byte === 0x20 || byte === 0x09)) this.#phase = phases.extension;
    else throw new HttpSyntaxError("a chunk's size is not a number");
    return at + 1;
  }

  #readExtension(byte: number): void {
    if (byte === carriageReturn) this.#phase = phases.sizeEnd;
    else if (byte === lineFeed) throw new HttpSyntaxError("a chunk's size does not end its line");
    else this.#countTrailer();
  }

  /** `#left` counts the bytes of the trailer's line: an empty line ends the answer. */
  #readTrailer(byte: number): void {
    this.#countTrailer();
    if (byte === lineFeed) {
      if (this.#left === 0) this.#phase = phases.over;
      this.#left = 0;
    } else if (byte !== carriageReturn) this.#left++;
  }

  #countTrailer(): void {
    if (++this.#trailerBytes > maxTrailerBytes) throw new HttpLimitError("the answer's trailer is too long");
  }

  /** Nobody asked for anything more: what comes now belongs to no request of ours. */
  #refuseMore(bytes: number): Uint8Array {
    if (bytes > 0) this.#keepsAlive = false;
    return nothing;
  }
}
