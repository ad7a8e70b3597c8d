// A process's sign of life: an advisory lock on a connection of its own, which the server lets go of however the process ends.

import pg from "pg";
import type { Log } from "../../log.ts";
import { endOrCut } from "./connections.ts";

/** The class of our advisory locks; the second number is the process id. Any fixed number does. */
const lifeClass = 1_917_004;
const reconnectMs = 1_000;
/** The connection is tried this often; one that has said nothing for `silenceMs` is dead, whatever the network believes. */
const beatMs = 1_000;
const silenceMs = 5_000;
/** The server's side of the same: it lets go of the lock of a machine that has fallen silent, instead of after two hours. */
const serverKeepAlive =
  "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 5000";

/** The two 32-bit keys of a process's lock. */
export function lifeLock(processId: number): [number, number] {
  return [lifeClass, processId | 0];
}

export interface Life {
  /** For how long the lock has been held without a break, as far as this side knows; 0 while it is not. */
  heldMs(): number;
  close(): Promise<void>;
}

/** Takes the lock and keeps it: a connection that breaks is made again. Throws when it cannot be taken at first. */
export async function holdLife(config: pg.ClientConfig, processId: number, log: Log): Promise<Life> {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let heldSince: number | undefined;
  let client = await connect();
  const beat = setInterval(() => void tryConnection(client), beatMs);
  beat.unref();

  async function connect(): Promise<pg.Client> {
    const next = new pg.Client({ ...config, connectionTimeoutMillis: silenceMs });
    next.on("error", (cause) => log.warn({ cause }, "the connection that shows this process to be alive broke"));
    try {
      await next.connect();
      await next.query(serverKeepAlive);
      await next.query("SELECT pg_advisory_lock($1, $2)", lifeLock(processId)); // waits while the server believes in an earlier connection
    } catch (cause) {
      next.end().catch(() => {});
      throw cause;
    }
    heldSince = performance.now();
    next.on("end", () => {
      heldSince = undefined;
      reconnect();
    });
    return next;
  }

  function reconnect(): void {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      connect().then((next) => {
        client = next;
        if (closed) void client.end();
      }, reconnect);
    }, reconnectMs);
    timer.unref();
  }

  let trying = false;
  async function tryConnection(tried: pg.Client): Promise<void> {
    if (trying || closed || heldSince === undefined) return;
    trying = true;
    const silence = setTimeout(() => tried.connection.stream.destroy(), silenceMs); // "end" follows
    await tried.query("SELECT 1").catch(() => {});
    clearTimeout(silence);
    trying = false;
  }

  return {
    heldMs: () => (heldSince === undefined ? 0 : performance.now() - heldSince),
    async close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(beat);
      await endOrCut(client.end(), () => [client]);
    },
  };
}
