// The accepted connections, on Bun's own sockets where Bun runs it and on Node's elsewhere: one that Bun makes for `node:net` takes 9 KB more.

import { type AddressInfo, createServer, type Socket as NodeSocket } from "node:net";

/** Whoever a connection belongs to. */
export interface SocketOwner {
  /** The bytes are the owner's to keep. */
  onData(bytes: Buffer): void;
  /** The other end will send no more; what is written may still be read there. */
  onEnd(): void;
  /** The system has taken some of what waited. */
  onDrain(): void;
  /** It is gone, with whatever had not been sent. */
  onClosed(): void;
}

export interface Socket {
  /** `bytes`: the length of a text, where it is known. */
  write(data: string | Uint8Array, bytes?: number): void;
  /** Bytes that the system has not taken yet: they lie in our memory. */
  readonly unsentBytes: number;
  pause(): void;
  resume(): void;
  /** Sends what waits, then says that no more will come. */
  end(): void;
  /** Closes it at once and lets go of what had not been sent. */
  destroy(): void;
}

export interface Acceptor {
  port: number;
  /** Takes no more connections; those that are open stay. */
  stop(): void;
}

export interface AcceptOptions {
  host: string;
  port: number;
  /** Called for each new connection. */
  open(socket: Socket): SocketOwner;
}

/** Resolves when connections are taken. Throws the system's error (EADDRINUSE, EACCES, ...) when they cannot be. */
export function accept(options: AcceptOptions): Promise<Acceptor> {
  return typeof Bun === "undefined" ? acceptOnNode(options) : acceptOnBun(options);
}

type Handle = Bun.Socket<BunSocket>;

class BunSocket implements Socket {
  owner!: SocketOwner;
  unsentBytes = 0;
  readonly #handle: Handle;
  /** In order; the first may have been sent in part. */
  #unsent: Uint8Array[] = [];
  #isEnding = false;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  write(data: string | Uint8Array, length = Buffer.byteLength(data)): void {
    const sent = this.unsentBytes === 0 ? Math.max(0, this.#handle.write(data)) : 0;
    if (sent === length) return;
    this.#unsent.push(keepRest(typeof data === "string" ? Buffer.from(data) : data, sent));
    this.unsentBytes += length - sent;
  }

  writeOn(): void {
    while (this.#unsent.length > 0) {
      const first = this.#unsent[0]!;
      const sent = Math.max(0, this.#handle.write(first));
      this.unsentBytes -= sent;
      if (sent < first.length) {
        this.#unsent[0] = keepRest(first, sent);
        return;
      }
      this.#unsent.shift();
    }
    if (this.#isEnding) this.#handle.shutdown();
  }

  pause(): void {
    this.#handle.pause();
  }
  resume(): void {
    this.#handle.resume();
  }
  end(): void {
    this.#isEnding = true;
    if (this.unsentBytes === 0) this.#handle.shutdown();
  }
  destroy(): void {
    this.#unsent = [];
    this.unsentBytes = 0;
    this.#handle.terminate();
  }
}

/** A copy where most of it has been sent: a small part would keep the whole in memory, uncounted. */
function keepRest(data: Uint8Array, sent: number): Uint8Array {
  const rest = data.subarray(sent);
  return rest.length * 2 < data.buffer.byteLength ? new Uint8Array(rest) : rest;
}

async function acceptOnBun({ host, port, open }: AcceptOptions): Promise<Acceptor> {
  const listener = Bun.listen<BunSocket>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(handle) {
        handle.setNoDelay(true);
        const socket = new BunSocket(handle);
        handle.data = socket;
        socket.owner = open(socket);
      },
      data(handle, bytes) {
        handle.data.owner.onData(bytes);
      },
      end(handle) {
        handle.data.owner.onEnd();
      },
      drain(handle) {
        handle.data.writeOn();
        handle.data.owner.onDrain();
      },
      close(handle) {
        handle.data.owner.onClosed();
      },
      error() {}, // what follows is `close`
    },
  });
  return { port: listener.port, stop: () => listener.stop(false) };
}

class NodeSocketOf implements Socket {
  readonly #socket: NodeSocket;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
  }
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }
  write(data: string | Uint8Array): void {
    this.#socket.write(data);
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.end();
  }
  destroy(): void {
    this.#socket.destroy();
  }
}

async function acceptOnNode({ host, port, open }: AcceptOptions): Promise<Acceptor> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const owner = open(new NodeSocketOf(socket));
    socket.on("data", (bytes: Buffer) => owner.onData(bytes));
    socket.on("end", () => owner.onEnd());
    socket.on("drain", () => owner.onDrain());
    socket.on("close", () => owner.onClosed());
    socket.on("error", () => {}); // what follows is `close`
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() };
}
