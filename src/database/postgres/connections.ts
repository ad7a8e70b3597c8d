// Connections to Postgres, each lent to one user at a time. One on which nothing is heard is given up: a network may
// swallow everything without a word, and whoever waits must hear of it.

import pg from "pg";
import type { Log } from "../../log.ts";
import { wasEnded } from "./errors.ts";

/** How long a connection may take to be made, or a caller waits for a free one. */
const connectMs = 5_000;
/** How long the server may take for the answer to one statement. */
const silenceMs = 5_000;
const closeMs = 2_000;

/**
 * The server's half: what hangs on a connection that this side has given up lets go of its locks, and a machine that has fallen
 * silent is given up too. Without it a session's row could stay locked for the two hours after which TCP looks
 * (postgresql.org/docs/18/runtime-config-client.html and runtime-config-connection.html, read 2026-11-27).
 */
const serverLimits =
  "SET idle_in_transaction_session_timeout = 10000; SET statement_timeout = 30000; " +
  "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 10000";

/** A connection in the hands of its user. */
export interface Lent {
  readonly client: pg.PoolClient;
  /** An answer came: the server has its whole time again for the next one. */
  heard(): void;
  /** Takes back what was begun. Where that cannot be said, nobody else gets the connection. */
  rollBack(): Promise<void>;
}

export class Connections {
  private readonly pool: pg.Pool;
  /** All that are connected, and since when. */
  private readonly since = new Map<pg.PoolClient, number>();
  /** Those that were connected before are not trusted. */
  private trustedFrom = 0;

  constructor(config: pg.ClientConfig, max: number, log: Log) {
    this.pool = new pg.Pool({ ...config, max, connectionTimeoutMillis: connectMs });
    this.pool.on("error", (cause) => log.warn({ cause }, "an idle connection to Postgres broke; it will be replaced"));
    this.pool.on("connect", (client) => {
      this.since.set(client, performance.now());
      client.query(serverLimits).catch((cause) => log.warn({ cause }, "Postgres refused its limits of time"));
    });
    this.pool.on("remove", (client) => this.since.delete(client));
  }

  /**
   * Lends a connection to `work`. When it falls silent for longer than `limitMs` it is cut, and `work` fails with it. Where it breaks before any
   * answer, `work` begins once more on a new one: it commits nothing, and tells nobody anything, before an answer was `heard`.
   */
  async lend<T>(work: (lent: Lent) => Promise<T>, limitMs: number = silenceMs, isAgain = false): Promise<T> {
    const client = await this.checkOut();
    let isHeard = false;
    let broken: Error | undefined;
    let silence: Error | undefined;
    const discard = (why: Error) => {
      broken ??= why;
    };
    client.on("error", discard);
    const timer = setTimeout(() => {
      silence = new Error(`Postgres has not answered for ${limitMs} ms`);
      discard(silence);
      this.trustedFrom = performance.now();
      client.connection.stream.destroy();
    }, limitMs);
    try {
      return await work({
        client,
        heard() {
          isHeard = true;
          timer.refresh();
        },
        async rollBack() {
          timer.refresh();
          await client.query("ROLLBACK").catch(discard);
        },
      });
    } catch (cause) {
      if (silence || isHeard || isAgain || !(broken || wasEnded(cause))) throw silence ?? cause;
      this.trustedFrom = performance.now(); // what cut one has perhaps cut them all
    } finally {
      clearTimeout(timer);
      client.off("error", discard);
      client.release(broken);
    }
    return this.lend(work, limitMs, true);
  }

  /** After a silence, or where one was found dead, none of the older ones is trusted: each would take its time to show that it is dead, too. */
  private async checkOut(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.pool.connect();
      if ((this.since.get(client) ?? 0) >= this.trustedFrom) return client;
      client.release(true);
    }
  }

  /** Ends all, in good order where the server still answers. */
  async close(): Promise<void> {
    await endOrCut(this.pool.end(), () => [...this.since.keys()]);
  }
}

/** Waits for an end in good order, though not for a server that does not answer: then what is left is cut. */
export async function endOrCut(
  end: Promise<void>,
  listLeft: () => readonly Pick<pg.PoolClient, "connection">[],
): Promise<void> {
  const cut = setTimeout(() => {
    for (const client of listLeft()) client.connection.stream.destroy();
  }, closeMs);
  await end.catch(() => {});
  clearTimeout(cut);
}
