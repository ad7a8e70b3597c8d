// A TCP or TLS connection, on Bun's own sockets where Bun runs it and on Node's elsewhere: one that Bun makes for `node:net`
// takes 9 KB more.

import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";

export interface Address {
  host: string;
  port: number;
  tls: boolean;
}

/** Whoever a connection belongs to. Nothing is called after `onClosed`. */
export interface SocketOwner {
  /** The bytes are the owner's to keep and to change. */
  onData(bytes: Uint8Array): void;
  /** Once, when no more will come: null where the other end closed in good order. */
  onClosed(error: Error | null): void;
}

/** A connection that can be written to. Keeps no process alive. */
export interface Socket {
  write(text: string): void;
  pause(): void;
  resume(): void;
  /** Closes it at once, whatever has not been sent. */
  destroy(): void;
}

/** Resolves when bytes can be sent, over TLS only to a server that has proven its name. Rejects with the system's error. */
export function openSocket(address: Address, owner: SocketOwner): Promise<Socket> {
  return typeof Bun === "undefined" ? openOnNode(address, owner) : openOnBun(address, owner);
}

type Handle = Bun.Socket<BunSocket>;

class BunSocket implements Socket {
  readonly address: Address;
  readonly owner: SocketOwner;
  settle: { resolve(socket: Socket): void; reject(error: Error): void } | null;
  error: Error | null = null;
  #handle: Handle | undefined;
  #rest: Uint8Array | null = null;

  constructor(address: Address, owner: SocketOwner, settle: BunSocket["settle"]) {
    this.address = address;
    this.owner = owner;
    this.settle = settle;
  }

  ready(handle: Handle): void {
    this.#handle = handle;
    handle.unref();
    this.settle?.resolve(this);
    this.settle = null;
  }

  refuse(handle: Handle, error: Error): void {
    this.settle?.reject(error);
    this.settle = null;
    handle.terminate();
  }

  /** Before it was open this is a refusal, and after a refusal nothing is left to say. */
  close(handle: Handle, error: Error | null): void {
    if (this.settle) this.refuse(handle, error ?? new Error("the connection was closed"));
    else if (this.#handle) this.owner.onClosed(error);
  }

  write(text: string): void {
    const sent = this.#rest === null ? (this.#handle?.write(text) ?? 0) : 0;
    if (this.#rest === null && sent === Buffer.byteLength(text)) return;
    const rest = Buffer.from(text).subarray(Math.max(0, sent));
    this.#rest = this.#rest === null ? rest : Buffer.concat([this.#rest, rest]);
  }

  writeOn(): void {
    if (this.#rest === null) return;
    const sent = Math.max(0, this.#handle?.write(this.#rest) ?? 0);
    this.#rest = sent >= this.#rest.length ? null : this.#rest.subarray(sent);
  }

  pause(): void {
    this.#handle?.pause();
  }

  resume(): void {
    this.#handle?.resume();
  }

  destroy(): void {
    this.#handle?.terminate();
  }
}

/** One set of handlers for all connections. */
const handlers: Bun.SocketHandler<BunSocket> = {
  open(handle) {
    if (!handle.data.address.tls) handle.data.ready(handle);
  },
  /** Bun has held the certificate against the authorities that the system knows (and NODE_EXTRA_CA_CERTS), and the name against it. */
  handshake(handle, isAuthorized, error) {
    if (isAuthorized && !error) handle.data.ready(handle);
    else handle.data.refuse(handle, error ?? new Error("the server's certificate is not trusted"));
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
    handle.data.close(handle, error ?? handle.data.error);
  },
};

function openOnBun(address: Address, owner: SocketOwner): Promise<Socket> {
  const { host, port, tls } = address;
  return new Promise((resolve, reject) => {
    const data = new BunSocket(address, owner, { resolve, reject });
    Bun.connect<BunSocket>({ hostname: host, port, data, socket: handlers, tls }).catch(reject);
  });
}

function openOnNode(address: Address, owner: SocketOwner): Promise<Socket> {
  const { host, port, tls } = address;
  const secured = isIP(host) ? { host, port } : { host, port, servername: host };
  const socket = tls ? connectTls(secured) : connectTcp({ host, port, noDelay: true });
  return new Promise((resolve, reject) => {
    let failure: Error | null = null;
    let open = false;
    socket.once(tls ? "secureConnect" : "connect", () => {
      open = true;
      socket.setNoDelay(true).unref();
      resolve({
        write: (text) => void socket.write(text),
        pause: () => void socket.pause(),
        resume: () => void socket.resume(),
        destroy: () => void socket.destroy(),
      });
    });
    socket.on("data", (bytes: Uint8Array) => owner.onData(bytes));
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      if (open) owner.onClosed(failure);
      else reject(failure ?? new Error("the connection was closed"));
    });
  });
}
