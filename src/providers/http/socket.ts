// A TCP or TLS connection, on Bun's own sockets where Bun runs it and on Node's elsewhere: one that Bun makes for `node:net`
// takes 9 KB more.

import { connect as connectTcp, isIP, type Socket as NodeSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ProxyAddress } from "./proxy.ts";
import { openTunnel } from "./tunnel.ts";

export interface Address {
  host: string;
  port: number;
  tls: boolean;
  /** The proxy that is asked for a way there; only where TLS is spoken. */
  tunnel: ProxyAddress | null;
}

/** Whoever a connection belongs to. Nothing is called after `onClosed`, nor after the owner has destroyed it. */
export interface SocketOwner {
  /** Bytes can be sent; over TLS only now, when the server has proven its name. */
  onOpen(): void;
  /** The bytes are the owner's to keep and to change. */
  onData(bytes: Uint8Array): void;
  /** No more will come, or it never opened: the system's error, or null where the other end closed in good order. */
  onClosed(error: Error | null): void;
}

/** A connection on its way or open. Keeps no process alive. */
export interface Socket {
  /** The bytes must stay as they are; or so many of them are lent only until this returns: what has not left by then is copied. */
  write(bytes: Uint8Array, lent?: number): void;
  pause(): void;
  resume(): void;
  /** Closes it at once, also while it is being made, whatever has not been sent. */
  destroy(): void;
}

/** Begins to connect; the owner hears of it later. */
export function openSocket(address: Address, owner: SocketOwner): Socket {
  if (address.tunnel !== null) return openThrough(address.tunnel, address, owner);
  return typeof Bun === "undefined" ? openOnNode(address, owner) : new BunSocket(address, owner);
}

type Handle = Bun.Socket<BunSocket>;

class BunSocket implements Socket {
  readonly isTls: boolean;
  readonly owner: SocketOwner;
  error: Error | null = null;
  #handle: Handle | undefined;
  #isOver = false;
  /** What the system has not taken yet. */
  #waiting: Uint8Array[] = [];

  constructor({ host, port, tls }: Address, owner: SocketOwner) {
    this.isTls = tls;
    this.owner = owner;
    const connecting = Bun.connect<BunSocket>({ hostname: host, port, data: this, socket: handlers, tls });
    connecting.catch((error: Error) => this.close(error));
  }

  /** The connection is there, perhaps not yet secured; and nobody may want it any more. */
  take(handle: Handle): void {
    this.#handle = handle;
    handle.unref();
    if (this.#isOver) handle.terminate();
    else if (!this.isTls) this.owner.onOpen();
  }

  refuse(error: Error): void {
    this.close(error);
    this.#handle?.terminate();
  }

  close(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.owner.onClosed(error);
  }

  write(bytes: Uint8Array, lent?: number): void {
    const length = lent ?? bytes.length;
    const sent = this.#waiting.length === 0 ? this.#offer(bytes, length) : 0;
    if (sent === length) return;
    const rest = bytes.subarray(sent, length);
    this.#waiting.push(lent === undefined ? rest : new Uint8Array(rest));
  }

  writeOn(): void {
    for (let bytes = this.#waiting[0]; bytes !== undefined; bytes = this.#waiting[0]) {
      const sent = this.#offer(bytes, bytes.length);
      if (sent < bytes.length) {
        this.#waiting[0] = bytes.subarray(sent);
        return;
      }
      this.#waiting.shift();
    }
  }

  /** Returns how many of the bytes the system has taken. */
  #offer(bytes: Uint8Array, length: number): number {
    return Math.max(0, this.#handle?.write(bytes, 0, length) ?? 0);
  }

  pause(): void {
    this.#handle?.pause();
  }

  resume(): void {
    this.#handle?.resume();
  }

  destroy(): void {
    this.#isOver = true;
    this.#handle?.terminate();
  }
}

/** One set of handlers for all connections. */
const handlers: Bun.SocketHandler<BunSocket> = {
  open(handle) {
    handle.data.take(handle);
  },
  /** Bun has held the certificate against the authorities that the system knows (and NODE_EXTRA_CA_CERTS), and the name against it. */
  handshake(handle, isAuthorized, error) {
    if (isAuthorized && !error) handle.data.owner.onOpen();
    else handle.data.refuse(error ?? new Error("the server's certificate is not trusted"));
  },
  data(handle, bytes) {
    handle.data.owner.onData(bytes);
  },
  drain(handle) {
    handle.data.writeOn();
  },
  error(handle, error) {
    handle.data.error = error;
  },
  close(handle, error) {
    handle.data.close(error ?? handle.data.error);
  },
};

function openOnNode({ host, port, tls }: Address, owner: SocketOwner): Socket {
  const socket = tls ? connectTls({ host, port, ...nameOf(host) }) : connectTcp({ host, port });
  return watch(socket, tls ? "secureConnect" : "connect", owner);
}

/** The name that the server's certificate is held against; an address in numbers is not sent as one (RFC 6066 3, read 2026-11-27). */
function nameOf(host: string): { servername?: string } {
  return isIP(host) ? {} : { servername: host };
}

function watch(socket: NodeSocket, opening: "connect" | "secureConnect", owner: SocketOwner): Socket {
  let isOver = false;
  let failure: Error | null = null;
  socket.setNoDelay(true).unref();
  socket.once(opening, () => owner.onOpen());
  socket.on("data", (bytes: Uint8Array) => {
    if (!isOver) owner.onData(bytes);
  });
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => {
    if (!isOver) owner.onClosed(failure);
  });
  return {
    write: (bytes, lent) => void socket.write(lent === undefined ? bytes : new Uint8Array(bytes.subarray(0, lent))),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy() {
      isOver = true;
      socket.destroy();
    },
  };
}

/** On Node's sockets under both runtimes: a way through a proxy is seldom. */
function openThrough(proxy: ProxyAddress, { host, port }: Address, owner: SocketOwner): Socket {
  let secured: Socket | null = null;
  const stopAsking = openTunnel(proxy, host, port, {
    onOpen(socket) {
      secured = watch(connectTls({ socket, host, ...nameOf(host) }), "secureConnect", owner);
    },
    onRefused: (error) => owner.onClosed(error),
  });
  return {
    write: (bytes, lent) => secured?.write(bytes, lent),
    pause: () => secured?.pause(),
    resume: () => secured?.resume(),
    destroy() {
      stopAsking();
      secured?.destroy();
    },
  };
}
