// Exchanges over connections of our own, each kept for the next one. Why not `fetch` or `node:http`: docs/decisions/gemini-data-plane.md.

import type { HttpExchange, Post, RequestBody } from "./exchange.ts";
import { AnswerParser } from "./parser.ts";
import { chooseProxy, type ProxySettings } from "./proxy.ts";
import { type Address, openSocket, type Socket, type SocketOwner } from "./socket.ts";

/** Connections kept without an exchange, and how long: the shortest that a server keeps them as a rule (nginx 75 s, the vendor's front 240 s). */
const maxIdle = 64;
const maxIdleMs = 50_000;
/** Bytes that a reader has not asked for; beyond that, nothing more is taken from the network. */
const maxQueued = 256 * 1024;

/**
 * Sends POSTs to an address with a path prefix, with the same headers each time (in ASCII); through a proxy where one is on the way: over
 * a tunnel to where TLS is spoken, else by naming the whole address to it. Throws with a sentence for the operator on an address that is none.
 */
export function createPost(baseUrl: string, headers: Record<string, string>, proxies: ProxySettings): Post {
  const url = new URL(baseUrl);
  const tls = url.protocol === "https:";
  const proxy = chooseProxy(url, proxies);
  const relay = tls || proxy === null ? null : { ...proxy, tls: false };
  const target = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || (tls ? 443 : 80)), tls };
  const pool: Pool = { address: { ...(relay ?? target), tunnel: tls ? proxy : null }, idle: [] };
  const toRelay = relay?.authorization ? { "proxy-authorization": relay.authorization } : {};
  const lines = Object.entries({ host: url.host, ...headers, ...toRelay })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  const prefix = (relay ? url.origin : "") + url.pathname.replace(/\/+$/, "");
  return (path, body) => {
    const exchange = new ClientExchange();
    let length = 0;
    for (const piece of body) length += Buffer.byteLength(piece);
    const head = `POST ${prefix}${path} HTTP/1.1\r\n${lines}content-length: ${length}\r\n\r\n`;
    (takeIdle(pool) ?? new Connection(pool)).carry({ head, body, length: head.length + length }, exchange);
    return exchange;
  };
}

interface Request {
  head: string;
  body: RequestBody;
  /** Of both, in bytes. */
  length: number;
}

/** One request at a time is put together here, to leave in one write. */
const desk = Buffer.allocUnsafeSlow(64 * 1024);

/** A request that has no room there leaves piece by piece, and is not copied. */
function sendRequest(socket: Socket, { head, body, length }: Request): void {
  if (length > desk.length) {
    for (const piece of [head, ...body]) socket.write(typeof piece === "string" ? Buffer.from(piece) : piece);
    return;
  }
  let at = desk.write(head);
  for (const piece of body) {
    if (typeof piece !== "string") desk.set(piece, at);
    at += typeof piece === "string" ? desk.write(piece, at) : piece.length;
  }
  socket.write(desk, at);
}

interface Pool {
  address: Address;
  /** The one that was used last comes first again, so that those nobody needs grow old. */
  idle: Connection[];
}

function takeIdle({ idle }: Pool): Connection | undefined {
  for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
    if (performance.now() - last.idleSince < maxIdleMs) return last;
    last.destroy();
  }
  return undefined;
}

class ClientExchange implements HttpExchange {
  sent = false;
  connection: Connection | null = null;
  readonly #parser = new AnswerParser();
  #queue: Uint8Array[] = [];
  #queued = 0;
  #failure: Error | null = null;
  #opening: PromiseWithResolvers<void> | null = null;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;

  get status(): number {
    return this.#parser.status;
  }

  header(name: string): string {
    return this.#parser.header(name);
  }

  open(): Promise<void> {
    const opening = Promise.withResolvers<void>();
    this.#opening = opening;
    this.#tell();
    return opening.promise;
  }

  /** For one reader at a time. Not an async function: each read would leave a frame of its own behind. */
  read(): Promise<Uint8Array | null> | Uint8Array | null {
    const bytes = this.#queue.shift();
    if (bytes !== undefined) return this.#giveOut(bytes);
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#parser.ended) return null;
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  get isOver(): boolean {
    return this.#parser.ended && this.#queue.length === 0;
  }

  cancel(): void {
    this.fail(new Error("the exchange was cancelled"));
    this.connection?.drop();
  }

  /** What the connection brought. Returns whether the answer is whole now. Throws HttpSyntaxError. */
  take(bytes: Uint8Array): boolean {
    const body = this.#parser.push(bytes);
    if (body.length > 0) {
      this.#queue.push(body);
      this.#queued += body.length;
      if (this.#queued > maxQueued) this.connection?.pause();
    }
    this.#tell();
    return this.#parser.ended;
  }

  get isReusable(): boolean {
    return this.#parser.reusable;
  }

  /** The other end has closed the connection in good order. */
  close(): void {
    try {
      this.#parser.close();
    } catch (error) {
      this.#failure ??= error as Error;
    }
    this.#tell();
  }

  fail(error: Error): void {
    if (!this.#parser.ended) this.#failure ??= error;
    this.#tell();
  }

  #giveOut(bytes: Uint8Array): Uint8Array {
    const wasFull = this.#queued > maxQueued;
    this.#queued -= bytes.length;
    if (wasFull && this.#queued <= maxQueued) this.connection?.resume();
    return bytes;
  }

  /** Something has come, or the connection has broken. */
  #tell(): void {
    if (this.status !== 0) this.#opening?.resolve();
    else if (this.#failure !== null) this.#opening?.reject(this.#failure);
    else return;
    this.#opening = null;
    if (this.#queue.length === 0 && this.#failure === null && !this.#parser.ended) return;
    this.#reader?.resolve(this.read());
    this.#reader = null;
  }
}

/** One connection, with one exchange at a time. */
class Connection implements SocketOwner {
  idleSince = 0;
  readonly #pool: Pool;
  #socket: Socket | null = null;
  #isClosed = false;
  #exchange: ClientExchange | null = null;
  /** What is to be sent once the connection is open. */
  #request: Request | null = null;
  #isOpen = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  carry(request: Request, exchange: ClientExchange): void {
    this.#exchange = exchange;
    exchange.connection = this;
    if (this.#socket !== null) {
      this.#send(request);
      return;
    }
    this.#request = request;
    this.#socket = openSocket(this.#pool.address, this);
  }

  onOpen(): void {
    if (this.#isOpen) return; // TLS may shake hands again
    this.#isOpen = true;
    if (this.#request !== null) this.#send(this.#request);
    this.#request = null;
  }

  onData(bytes: Uint8Array): void {
    const exchange = this.#exchange;
    if (exchange === null) {
      this.#leavePool();
      this.destroy(); // nobody has asked for anything
      return;
    }
    try {
      if (exchange.take(bytes)) this.#release(exchange);
    } catch (error) {
      exchange.fail(error as Error);
      this.drop();
    }
  }

  /**
   * Nothing is ever sent twice from here, also where RFC 9112 9.3.1 would allow it: a kept connection that closes in good order
   * may have carried a whole request to the vendor, and each of those is a call of its own, with a try of its own.
   */
  onClosed(error: Error | null): void {
    this.#isClosed = true;
    const exchange = this.#exchange;
    if (exchange === null) {
      this.#leavePool();
      return;
    }
    this.#leave(exchange);
    if (error === null) exchange.close();
    else exchange.fail(error);
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Leaves its exchange and closes. */
  drop(): void {
    if (this.#exchange !== null) this.#leave(this.#exchange);
    this.destroy();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #send(request: Request): void {
    this.#exchange!.sent = true;
    if (this.#socket) sendRequest(this.#socket, request);
  }

  #leavePool(): void {
    const { idle } = this.#pool;
    if (idle.includes(this)) idle.splice(idle.indexOf(this), 1);
  }

  #leave(exchange: ClientExchange): void {
    this.#exchange = null;
    exchange.connection = null;
  }

  /** The answer is whole: the connection waits for the next exchange. */
  #release(exchange: ClientExchange): void {
    this.#leave(exchange);
    const { idle } = this.#pool;
    if (exchange.isReusable && idle.length < maxIdle) {
      this.#socket?.resume(); // where the reader was behind: whoever comes next reads from the start
      this.idleSince = performance.now();
      idle.push(this);
    } else this.destroy();
  }
}
