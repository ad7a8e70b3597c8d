// A port for the app: takes connections up to a limit, keeps their time, and closes them in good order.

import { AppError } from "../errors.ts";
import { dropped } from "./answer.ts";
import type { App } from "./app.ts";
import { Connection, type Shared } from "./server/connection.ts";
import { BodyRoom } from "./server/incoming.ts";
import { accept, type Socket } from "./server/socket.ts";

export interface Listener {
  port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** What waits in memory for readers. */
  readonly unreadBytes: number;
  /** `force`: cut what is open; otherwise wait until it is over. */
  stop(force: boolean): Promise<void>;
}

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  mostConnections?: number | undefined;
  /** A connection without a request is closed after this time. Default 60 s. */
  idleMs?: number | undefined;
  /** A head must have arrived in this time. Default 20 s. */
  headMs?: number | undefined;
  /** Whoever has not taken what waits for him in this time is cut. Default 30 s. */
  readerDeadlineMs?: number | undefined;
  /** What all bodies on their way may hold together. Default 64 MiB. */
  mostBodyBytes?: number | undefined;
  /** What all answers that wait for their readers may hold together. Default 256 MiB. */
  mostUnsentBytes?: number | undefined;
}

const mebibyte = 1024 * 1024;

/** Resolves when connections are taken. Throws with a sentence for the operator when they cannot be. */
export async function listen(app: App, options: ListenOptions): Promise<Listener> {
  const door = new Door(app, options);
  const acceptor = await accept({
    host: options.host.replace(/^\[|\]$/g, ""),
    port: options.port,
    open: (socket) => door.open(socket),
  }).catch((cause) => {
    throw cannotListen(options, cause);
  });
  return {
    port: acceptor.port,
    get connections() {
      return door.size;
    },
    get unreadBytes() {
      return door.unsentBytes;
    },
    stop(force) {
      acceptor.stop();
      return door.close(force);
    },
  };
}

const listenFaults: Record<string, string> = {
  EADDRINUSE: "another program listens there; stop it, or choose another PORT",
  EACCES: "this user may not take that port; choose a PORT from 1024 on",
};

/** Bun's own words are "Failed to listen" whatever it was, without a code for a name that means no address (1.4.5). */
function cannotListen({ host, port }: ListenOptions, cause: NodeJS.ErrnoException): Error {
  const why = listenFaults[cause.code ?? ""] ?? "HOST must be an address of this machine (0.0.0.0: all of them)";
  return new Error(`${host}:${port} cannot be listened on: ${why}.`, { cause });
}

class Door implements Shared {
  readonly fetch: App["fetch"];
  readonly refuse: App["refuse"];
  readonly bodies: BodyRoom;
  readonly idleMs: number;
  readonly headMs: number;
  readonly readerDeadlineMs: number;
  isClosing = false;
  readonly #mostConnections: number;
  readonly #mostUnsentBytes: number;
  readonly #connections = new Set<Connection>();
  /** Those that wait for a request, the longest first. */
  readonly #idle = new Set<Connection>();
  readonly #periodMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #unsentBytes = 0;
  #onEmpty: (() => void) | undefined;

  constructor(app: App, options: ListenOptions) {
    this.fetch = app.fetch;
    this.refuse = app.refuse;
    this.idleMs = options.idleMs ?? 60_000;
    this.headMs = options.headMs ?? 20_000;
    this.readerDeadlineMs = options.readerDeadlineMs ?? 30_000;
    this.bodies = new BodyRoom(options.mostBodyBytes ?? 64 * mebibyte);
    this.#mostUnsentBytes = options.mostUnsentBytes ?? 256 * mebibyte;
    this.#mostConnections = options.mostConnections ?? 10_000;
    this.#periodMs = Math.max(5, Math.min(1_000, this.idleMs / 4, this.headMs / 4, this.readerDeadlineMs / 4));
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** At the limit the connection that has waited longest for a request gives way; where all are busy, the new one is turned away. */
  open(socket: Socket): Connection {
    const [longestIdle] = this.#connections.size < this.#mostConnections ? [] : this.#idle;
    longestIdle?.destroy();
    const isFull = this.#connections.size >= this.#mostConnections;
    const connection = new Connection(socket, this);
    this.#connections.add(connection);
    this.#timer ??= setInterval(() => this.#check(), this.#periodMs);
    if (isFull)
      connection.refuse(new AppError("rate_limited", "Too many connections are open.", { retryAfterSeconds: 5 }));
    return connection;
  }

  setIdle(connection: Connection, isIdle: boolean): void {
    if (isIdle) this.#idle.add(connection);
    else this.#idle.delete(connection);
  }

  countUnsent(bytes: number): void {
    this.#unsentBytes += bytes;
    if (bytes > 0 && this.#unsentBytes > this.#mostUnsentBytes) this.#cutStuck();
  }

  onClosed(connection: Connection): void {
    this.#idle.delete(connection);
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#onEmpty?.();
  }

  async close(force: boolean): Promise<void> {
    this.isClosing = true;
    for (const connection of [...this.#connections]) {
      if (force) connection.destroy();
      else connection.retire();
    }
    if (this.#connections.size > 0)
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
  }

  #check(): void {
    const now = performance.now();
    for (const connection of [...this.#connections]) connection.check(now);
  }

  /** Those that have not read for longest give way, until the rest is within the limit. */
  #cutStuck(): void {
    const stuck = [...this.#connections].filter(({ stuckSince }) => stuckSince !== undefined);
    stuck.sort((a, b) => a.stuckSince! - b.stuckSince!);
    for (const connection of stuck) {
      if (this.#unsentBytes <= this.#mostUnsentBytes) return;
      connection.destroy(dropped);
    }
  }
}
