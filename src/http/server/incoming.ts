// One request that has come in, as the app gets it; its body is collected here, with its limits.

import { AppError } from "../../errors.ts";
import type { Asked } from "../asked.ts";
import { ChunkReader } from "./chunks.ts";
import type { RequestHead } from "./head.ts";

/** What all bodies on their way hold together, and who is to give way when it is too much. */
export class BodyRoom {
  bytes = 0;
  readonly #mostBytes: number;
  /** The oldest first. */
  readonly #collecting = new Set<IncomingRequest>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  leave(request: IncomingRequest, held: number): void {
    if (this.#collecting.delete(request)) this.bytes -= held;
  }
  /** The body that has been on its way longest gives way: an honest one takes no time. */
  hold(request: IncomingRequest, more: number): void {
    this.#collecting.add(request);
    this.bytes += more;
    for (const oldest of this.#collecting) {
      if (this.bytes <= this.#mostBytes) return;
      const busy = "Too many large bodies are on their way to this server; send it again in a moment.";
      oldest.failBody(new AppError("rate_limited", busy, { retryAfterSeconds: 1 }));
    }
  }
}

const firstBytes = 16 * 1024;
const trustedBytes = 64 * 1024;

export class IncomingRequest implements Asked {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Asked["headers"];
  readonly head: RequestHead;
  /** Whether everything of the body has come. */
  isWhole: boolean;
  /** Whether somebody waits for the body. */
  isReading = false;
  readonly #room: BodyRoom;
  /** Told when somebody begins to read the body: from then on it calls `take`. */
  readonly #source: { sendBody(request: IncomingRequest): void };
  readonly #chunks: ChunkReader | undefined;
  /** Of a body with a length: what is still to come. */
  #left: number;
  #buffer: Buffer | undefined;
  #length = 0;
  /** What it has taken for its buffer, and what the room knows of. */
  #held = 0;
  #counted = 0;
  #maxBytes = 0;
  /** The body, or why there is none, until somebody asks. */
  #came: Uint8Array | AppError | undefined;
  /** Of whoever waits. */
  #settle: PromiseWithResolvers<Uint8Array> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: AbortController | undefined;
  #hasLeft = false;

  constructor(head: RequestHead, room: BodyRoom, source: { sendBody(request: IncomingRequest): void }) {
    this.head = head;
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.headers = head.headers;
    this.#room = room;
    this.#source = source;
    this.#left = head.bodyLength ?? 0;
    this.#chunks = head.bodyLength === undefined ? new ChunkReader() : undefined;
    this.isWhole = head.bodyLength === 0;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasLeft) this.#controller.abort();
    return this.#controller.signal;
  }

  get hasBody(): boolean {
    return this.head.bodyLength !== 0;
  }

  readBody(maxBytes: number, deadlineMs: number): Uint8Array | Promise<Uint8Array> {
    if (this.#left > maxBytes) throw tooLarge(maxBytes);
    this.#maxBytes = maxBytes;
    this.isReading = true;
    this.#source.sendBody(this);
    const came = this.#came; // with the head
    this.#came = undefined;
    if (came instanceof AppError) throw came;
    if (came) return came;
    this.#settle = Promise.withResolvers();
    const late = () => this.failBody(new AppError("bad_request", "The body took too long to arrive."));
    this.#timer = setTimeout(late, deadlineMs);
    return this.#settle.promise;
  }

  /** Bytes from the line, while somebody reads; returns how many belong to this request. Throws bad_request for broken chunks. */
  take(bytes: Buffer): number {
    if (this.#chunks) return this.#takeChunks(this.#chunks, bytes);
    const data = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
    this.#left -= data.length;
    this.#keep(data);
    if (this.#left === 0) this.#finish();
    return data.length;
  }

  #takeChunks(chunks: ChunkReader, bytes: Buffer): number {
    const used = chunks.push(bytes, (data) => this.#keep(data));
    if (chunks.ended) this.#finish();
    return used;
  }

  /** Whoever waits for the body is told why it does not come. */
  failBody(cause: AppError): void {
    this.#letGo();
    this.#endReading(cause);
  }

  /** The caller has hung up, or will send no more. */
  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    if (!this.isWhole) this.failBody(new AppError("bad_request", "The body did not arrive as a whole."));
    this.#controller?.abort();
  }

  /** One buffer that grows: a body that comes byte by byte must not become as many objects. */
  #keep(data: Buffer): void {
    if (!this.isReading || data.length === 0) return;
    const length = this.#length + data.length;
    if (length > this.#maxBytes) {
      this.failBody(tooLarge(this.#maxBytes));
      return;
    }
    if (this.#buffer === undefined && this.#left === 0 && !this.#chunks)
      this.#buffer = data; // came in one piece
    else this.#makeRoom(length).set(data, this.#length);
    this.#length = length;
    if (this.#held > this.#counted) {
      const more = this.#held - this.#counted;
      this.#counted = this.#held;
      this.#room.hold(this, more);
    }
  }

  /** At once: the collector does not hurry for memory outside its heap, and three hundred bodies are a gigabyte. */
  #letGo(): void {
    if (this.#held > 0) (this.#buffer?.buffer as ArrayBuffer | undefined)?.transfer(0);
    this.#buffer = undefined;
  }

  #makeRoom(length: number): Buffer {
    if (this.#buffer !== undefined && this.#buffer.length >= length) return this.#buffer;
    const most = this.#chunks ? this.#maxBytes : length + this.#left;
    // Whoever has sent this much means it: a body with a length has its whole room then.
    const wanted = !this.#chunks && length > trustedBytes ? most : Math.max(firstBytes, length * 2);
    const grown = Buffer.allocUnsafeSlow(Math.min(wanted, most));
    this.#buffer?.copy(grown, 0, 0, this.#length);
    this.#letGo();
    this.#buffer = grown;
    this.#held = grown.length;
    return grown;
  }

  #finish(): void {
    this.isWhole = true;
    const buffer = this.#buffer ?? new Uint8Array(0);
    const whole = buffer.length === this.#length ? buffer : buffer.subarray(0, this.#length);
    this.#buffer = undefined;
    this.#endReading(whole);
  }

  #endReading(came: Uint8Array | AppError): void {
    if (!this.isReading) return;
    this.isReading = false;
    clearTimeout(this.#timer);
    this.#room.leave(this, this.#counted);
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle === undefined) this.#came = came;
    else if (came instanceof AppError) settle.reject(came);
    else settle.resolve(came);
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("too_large", `The body is larger than ${maxBytes} bytes.`, { members: { max_bytes: maxBytes } });
}
