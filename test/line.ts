// A line to Postgres that counts what comes over it, and that a test can break at the worst moment: when a transaction is
// done and its answer is on the way.

import net from "node:net";
import { join } from "node:path";

export interface Line {
  /** The database's address, over this line. */
  url: string;
  /** What the server has sent so far. */
  readonly bytesRead: number;
  /** How many pieces have come from this side: never more than were written, fewer where the system put some together. */
  readonly piecesWritten: number;
  /** The next answer to a COMMIT is lost, with its connection. Resolves when that has happened. */
  loseNextCommit(): Promise<void>;
  /** The same of the next answer to anything: what was asked for is done, as far as its transaction goes. */
  loseNextAnswer(): Promise<void>;
  /** Whoever connects is cut off at once, and so are all that are connected, until `mend`. */
  breakDown(): void;
  /** A black hole: connections stay, and can be made, but nothing comes through, either way, until `mend`. */
  swallow(): void;
  mend(): void;
  close(): Promise<void>;
}

/** As the server says that a transaction is done: the message CommandComplete (postgresql.org/docs/18/protocol-message-formats.html, read 2026-11-23). */
const committed = Buffer.from("C\0\0\0\x0bCOMMIT\0", "latin1");

/** Over TCP to a server that listens on a socket in a folder, as `createPostgresDatabase` gives it. */
export async function openLine(databaseUrl: string): Promise<Line> {
  const folder = new URL(databaseUrl).searchParams.get("host")!;
  const open = new Set<net.Socket>();
  let lost: (() => void) | undefined;
  let losing: Buffer = committed;
  let bytesRead = 0;
  let piecesWritten = 0;
  let state: "whole" | "broken" | "hole" = "whole";
  const server = net.createServer((near) => {
    if (state === "broken") return near.destroy();
    const far = net.connect(join(folder, ".s.PGSQL.5432"));
    const cut = () => {
      for (const socket of [near, far]) {
        open.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [near, far]) open.add(socket.on("error", cut).on("close", cut));
    near.on("data", (bytes) => {
      if (state === "hole") return;
      piecesWritten++;
      far.write(bytes);
    });
    far.on("data", (bytes: Buffer) => {
      if (state === "hole") return;
      bytesRead += bytes.length;
      if (!lost || !bytes.includes(losing)) {
        near.write(bytes);
        return;
      }
      lost();
      lost = undefined;
      cut();
    });
  });
  const lose = (answer: Buffer) =>
    new Promise<void>((resolve) => {
      lost = resolve;
      losing = answer;
    });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `postgres://postgres@127.0.0.1:${port}${new URL(databaseUrl).pathname}`,
    get bytesRead() {
      return bytesRead;
    },
    get piecesWritten() {
      return piecesWritten;
    },
    loseNextCommit: () => lose(committed),
    loseNextAnswer: () => lose(Buffer.alloc(0)),
    breakDown() {
      state = "broken";
      for (const socket of open) socket.destroy();
    },
    swallow() {
      state = "hole";
    },
    mend() {
      if (state === "hole") for (const socket of open) socket.destroy(); // what was swallowed is missing in the middle
      state = "whole";
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
