// A process's sign of life: an advisory lock on a connection of its own, which the server lets go of however the process ends.

import pg from "pg";
import type { Log } from "../../log.ts";

/** The class of our advisory locks; the second number is the process id. Any fixed number does. */
const lifeClass = 1_917_004;
const reconnectMs = 1_000;

/** The two 32-bit keys of a process's lock. */
export function lifeLock(processId: number): [number, number] {
  return [lifeClass, processId | 0];
}

/** Takes the lock and keeps it: a connection that breaks is made again. Throws when it cannot be taken at first. */
export async function holdLife(
  config: pg.ClientConfig,
  processId: number,
  log: Log,
): Promise<{ close(): Promise<void> }> {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let client = await connect();

  async function connect(): Promise<pg.Client> {
    const next = new pg.Client(config);
    next.on("error", (cause) => log.warn({ cause }, "the connection that shows this process to be alive broke")); // "end" follows
    await next.connect();
    next.on("end", reconnect);
    await next.query("SELECT pg_advisory_lock($1, $2)", lifeLock(processId));
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

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await client.end().catch(() => {});
    },
  };
}
