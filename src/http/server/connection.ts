// One connection: its requests one after another, each answered before the next is looked at, and none of it without an end in time and bytes.

import type { AppError } from "../../errors.ts";
import { dropped, type HttpAnswer, isInPieces, type Pieces } from "../answer.ts";
import type { Asked } from "../asked.ts";
import { printHead } from "./answer-head.ts";
import { malformed, maxHeadBytes, parseHead } from "./head.ts";
import { type BodyRoom, IncomingRequest } from "./incoming.ts";
import type { Socket, SocketOwner } from "./socket.ts";

/** What all connections share, and whom each tells of its state. */
export interface Shared {
  fetch(request: Asked): Promise<HttpAnswer>;
  /** The answer to what is no request. */
  refuse(cause: AppError): HttpAnswer;
  bodies: BodyRoom;
  /** No further request is taken on any connection. */
  readonly isClosing: boolean;
  idleMs: number;
  headMs: number;
  readerDeadlineMs: number;
  /** It waits for a request from now on, or does no longer. */
  setIdle(connection: Connection, isIdle: boolean): void;
  /** So much more waits for its reader, or less. */
  countUnsent(bytes: number): void;
  onClosed(connection: Connection): void;
}

/** What is sent while a request is being answered is kept up to this, then left to the system. */
const mostAheadBytes = 64 * 1024;
/** How long the other end may take to read an answer that came before its request was over. */
const lingerMs = 2_000;
/** A reader that takes less than this within its deadline does not read. */
const leastTakenBytes = 64 * 1024;
const nothing = Buffer.alloc(0);
const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = "0\r\n\r\n";

export class Connection implements SocketOwner {
  readonly #socket: Socket;
  readonly #shared: Shared;
  /** Come, but not looked at yet. */
  #input: Buffer = nothing;
  #request: IncomingRequest | undefined;
  #isPaused = false;
  /** The other end has said that it will send no more. */
  #hasEnded = false;
  #isClosed = false;
  /** Since when it waits for a request, or lingers. */
  #since = performance.now();
  #lingers = false;
  /** Whether it carries no request after the one being answered. */
  #closes = false;
  /** Since when the other end has not taken enough, and how much waited then. */
  #stuck: { since: number; unsentBytes: number } | undefined;
  /** What is being sent piece by piece. */
  #pieces: Pieces | undefined;
  /** What the door has been told of `unsentBytes`. */
  #counted = 0;
  /** Goes on when everything has been taken. */
  #onDrained: (() => void) | undefined;

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
    shared.setIdle(this, true);
  }

  get unsentBytes(): number {
    return this.#socket.unsentBytes;
  }
  /** When the other end stopped taking what waits for it; undefined while it reads. */
  get stuckSince(): number | undefined {
    return this.#stuck?.since;
  }

  onData(bytes: Buffer): void {
    if (this.#isClosed || this.#lingers) return;
    if (this.#request === undefined && this.#input.length === 0) this.#since = performance.now();
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    this.#advance();
  }

  onEnd(): void {
    this.#hasEnded = true;
    if (this.#request === undefined) {
      this.destroy();
      return;
    }
    // Whoever reads a stream never says so while he still listens; an answer in one piece may be waited for still.
    this.#request.leave();
    if (this.#pieces) this.destroy();
  }

  onDrain(): void {
    if (this.#isClosed) return;
    this.#watchUnsent();
    if (this.unsentBytes === 0) this.#goOn();
  }

  onClosed(why?: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#shared.countUnsent(-this.#counted);
    this.#counted = 0;
    this.#stuck = undefined;
    this.#input = nothing;
    this.#request?.leave();
    this.#request = undefined;
    this.#pieces?.leave(why);
    this.#pieces = undefined;
    this.#goOn();
    this.#shared.onClosed(this);
  }

  /** `why` is told to the stream that is being sent. */
  destroy(why?: string): void {
    if (this.#isClosed) return;
    this.onClosed(why);
    this.#socket.destroy();
  }

  /** Closes it if nothing is being answered; otherwise that is its last answer. */
  retire(): void {
    if (this.#request === undefined && !this.#lingers) this.#linger();
  }

  /** Answers without a request, and closes. */
  refuse(cause: AppError): void {
    const answer = this.#shared.refuse(cause);
    const whole = answer.body as string;
    this.#socket.write(printHead(answer, { length: Buffer.byteLength(whole), closes: true }) + whole);
    this.#watchUnsent();
    this.#linger();
  }

  /** Ends what has taken too long. */
  check(now: number): void {
    const { idleMs, headMs, readerDeadlineMs } = this.#shared;
    if (this.#stuck) {
      if (now - this.#stuck.since >= readerDeadlineMs) this.destroy(dropped);
    } else if (this.#lingers) {
      if (now - this.#since >= lingerMs) this.destroy();
    } else if (this.#request === undefined) {
      if (now - this.#since < (this.#input.length === 0 ? idleMs : headMs)) return;
      if (this.#input.length === 0) this.#linger();
      else this.refuse(malformed("the head took too long to arrive"));
    }
  }

  #goOn(): void {
    const goOn = this.#onDrained;
    this.#onDrained = undefined;
    goOn?.();
  }

  /** Looks at what has come, as far as the present request allows. */
  #advance(): void {
    try {
      while (this.#input.length > 0 && !this.#isClosed && !this.#lingers) {
        if (this.#request === undefined) {
          if (!this.#takeHead()) return;
        } else if (this.#request.isReading) {
          const taken = this.#request.take(this.#input);
          this.#input = taken === this.#input.length ? nothing : this.#input.subarray(taken);
        } else {
          if (this.#input.length > mostAheadBytes && !this.#isPaused) this.#pause(true);
          return;
        }
      }
    } catch (cause) {
      if (this.#request) this.#request.failBody(cause as AppError);
      else this.refuse(cause as AppError);
    }
  }

  #pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Whether there was one. Throws bad_request. */
  #takeHead(): boolean {
    let start = 0; // empty lines before a request are passed over (RFC 9112, 2.2): some clients send one after a body
    while (this.#input[start] === 0x0d && this.#input[start + 1] === 0x0a) start += 2;
    if (start > 0) this.#input = this.#input.subarray(start);
    const end = this.#input.indexOf(headEnd);
    if ((end === -1 ? this.#input.length : end) > maxHeadBytes)
      throw malformed(`a head of more than ${maxHeadBytes} bytes`);
    if (end === -1) {
      const line = this.#input.indexOf(0x0a);
      if (line === 0 || (line > 0 && this.#input[line - 1] !== 0x0d)) throw malformed("a line does not end with CR LF");
      return false;
    }
    const head = parseHead(this.#input.toString("latin1", 0, end));
    this.#input = this.#input.subarray(end + headEnd.length);
    this.#request = new IncomingRequest(head, this.#shared.bodies, this);
    this.#shared.setIdle(this, false);
    this.#shared.fetch(this.#request).then(this.#answer, this.#cut);
    return true;
  }

  sendBody({ head }: IncomingRequest): void {
    const expected = head.headers.get("expect")?.toLowerCase();
    if (expected === "100-continue" && this.#input.length === 0 && !head.isHttp10)
      this.#socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    this.#pause(false);
    this.#advance();
  }

  /** What has arrived of an answer is then not taken for the whole. */
  readonly #cut = (): void => this.destroy();

  readonly #answer = (answer: HttpAnswer): void => {
    const { body } = answer;
    const request = this.#request;
    if (request === undefined) {
      if (isInPieces(body)) body.leave(); // it was closed meanwhile
      return;
    }
    const { keepsAlive, isHttp10 } = request.head;
    this.#closes = !keepsAlive || !request.isWhole || this.#shared.isClosing || this.#isLast;
    if (isInPieces(body) && request.method !== "HEAD") {
      this.#closes ||= isHttp10;
      const head = printHead(answer, { chunked: !isHttp10, closes: this.#closes });
      this.#send(body, head, !isHttp10).then(this.#finish, this.#cut);
      return;
    }
    const length = lengthOf(answer);
    const head = printHead(answer, { length, closes: this.#closes, keeps10: isHttp10 });
    if (typeof body === "string" && length !== undefined && request.method !== "HEAD")
      this.#socket.write(head + body, head.length + length);
    else {
      this.#socket.write(head);
      if (isInPieces(body)) body.leave();
      else if (body instanceof Uint8Array && request.method !== "HEAD") this.#socket.write(body);
    }
    this.#whenTaken(this.#finish);
  };

  /** Each piece is asked for when the one before has been taken, and is one write: the head goes with the first one, the closing mark with the last. */
  async #send(pieces: Pieces, head: string, chunked: boolean): Promise<void> {
    this.#pieces = pieces;
    for (let front = head, isOver = false; !isOver; front = "") {
      const { done, value } = await pieces.next();
      if (this.#isClosed) return;
      isOver = done === true;
      const bytes = Buffer.byteLength(value);
      const mark = isOver && chunked ? lastChunk : "";
      if (!chunked || bytes === 0) this.#socket.write(front + value + mark, front.length + bytes + mark.length);
      else {
        const before = `${front}${bytes.toString(16)}\r\n`;
        this.#socket.write(`${before}${value}\r\n${mark}`, before.length + bytes + 2 + mark.length);
      }
      if (isOver) this.#pieces = undefined;
      if (this.unsentBytes > 0) await new Promise<void>((resolve) => this.#whenTaken(resolve));
      if (this.#isClosed) return; // no more is asked for
    }
  }

  #whenTaken(then: () => void): void {
    this.#onDrained = then;
    if (this.unsentBytes === 0) this.#goOn();
    else this.#watchUnsent();
  }

  #watchUnsent(): void {
    const { unsentBytes } = this;
    this.#shared.countUnsent(unsentBytes - this.#counted);
    this.#counted = unsentBytes;
    if (unsentBytes === 0) this.#stuck = undefined;
    else if (this.#stuck === undefined || this.#stuck.unsentBytes - unsentBytes >= leastTakenBytes)
      this.#stuck = { since: performance.now(), unsentBytes };
  }

  readonly #finish = (): void => {
    if (this.#isClosed) return;
    this.#request = undefined;
    if (this.#closes || this.#shared.isClosing) {
      this.#linger();
      return;
    }
    this.#since = performance.now();
    this.#shared.setIdle(this, true);
    this.#pause(false);
    this.#advance();
    if (this.#isLast && this.#request === undefined) this.#linger();
  };

  /** Nothing more will come, and nothing has come that was not looked at. */
  get #isLast(): boolean {
    return this.#hasEnded && this.#input.length === 0;
  }

  /** Bytes that were sent and not read would make the system throw away the answer with the connection: they are read, and forgotten. */
  #linger(): void {
    this.#lingers = true;
    this.#shared.setIdle(this, false);
    this.#since = performance.now();
    this.#input = nothing;
    this.#socket.end();
    this.#pause(false);
    if (this.#hasEnded) this.#whenTaken(() => this.destroy());
  }
}

/** 204 and 304 have no body and say nothing of its length; of a stream it is not known. */
function lengthOf({ status, body }: HttpAnswer): number | undefined {
  if (status === 204 || status === 304 || isInPieces(body)) return undefined;
  if (body === null) return 0;
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}
