// The same JSON turns on SQLite, on Postgres with one server process, and on Postgres with two that share a database.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { audit, readAccount } from "../books.ts";
import type { Child } from "../child.ts";
import { askJson } from "../clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "../conversation.ts";
import { runClosed } from "../load.ts";
import { prefill } from "../prefill.ts";
import { readTree } from "../process-tree.ts";
import { createRandom, type Rate, rateOf, ratioOf, shuffle } from "../statistics.ts";
import { makeFolder, startOurs, startVendor } from "../targets.ts";

const names = ["SQLite", "Postgres, one process", "Postgres, two processes"] as const;
type Name = (typeof names)[number];
interface Set {
  databaseUrl: string;
  children: Child[];
  sessions: string[];
  databasePid: number | undefined;
}
interface Measured {
  /** CPU of our processes, CPU of the database's, and seconds of the clock, each by turns. */
  ours: Rate[];
  database: Rate[];
  wall: Rate[];
}

export const postgres: Workload = {
  name: "postgres",
  quick: false,
  async run(bench) {
    const createDatabase = await findPostgres();
    if (typeof createDatabase !== "function") return skipped(createDatabase.why);
    const folder = makeFolder(bench.folder, "postgres");
    const vendor = await startVendor(folder);
    await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
    const price = costOf(await vendor.readUsage(wholeBody()));
    const [rounds, turns] = bench.full ? [8, 1_500] : [3, 400];
    const perBlock = turns / turnsPerSession;
    const open = async (databaseUrl: string, processes: number): Promise<Set> => {
      const sessions = await prefill(databaseUrl, { sessions: perBlock * (rounds + 1), messages: earlierMessages });
      const start = () => startOurs({ folder, vendorUrl: vendor.url, databaseUrl });
      const children = [await start()];
      while (children.length < processes) children.push(await start());
      return { databaseUrl, children, sessions, databasePid: await findPostmaster(databaseUrl) };
    };
    const sets: Record<Name, Set> = {
      SQLite: await open(`sqlite:${join(folder, "rozmova.db")}`, 1),
      "Postgres, one process": await open(await createDatabase(), 1),
      "Postgres, two processes": await open(await createDatabase(), 2),
    };
    const measured = Object.fromEntries(
      names.map((name) => [name, { ours: [], database: [], wall: [] }]),
    ) as unknown as Record<Name, Measured>;
    const voids: string[] = [];
    const random = createRandom(bench.seed);
    try {
      for (let round = 0; round <= rounds; round++) {
        for (const name of shuffle(names, random)) {
          const set = sets[name];
          const account = await readAccount(set.databaseUrl, vendor);
          const jobs = set.children.map(({ url }) =>
            askJson(url, set.sessions.slice(round * perBlock, (round + 1) * perBlock)),
          );
          const before = readSet(set);
          const finished = await runClosed(turns, 32, (index) => jobs[index % jobs.length]!(index));
          const after = readSet(set);
          const wrong = [
            ...finished.failures,
            ...audit(account, await readAccount(set.databaseUrl, vendor), finished.done, price),
          ];
          voids.push(...wrong.map((what) => `round ${round}, ${name}: ${what}`));
          bench.say(
            `postgres round ${round}/${rounds}: ${name} ${Math.round(finished.done / (after.ours - before.ours))} turns per CPU-second`,
          );
          if (round === 0 || wrong.length > 0) continue;
          const per = finished.done;
          measured[name].ours.push({ amount: (after.ours - before.ours) * 1e6, per });
          measured[name].database.push({ amount: (after.database - before.database) * 1e6, per });
          measured[name].wall.push({ amount: finished.done, per: finished.wallSeconds });
        }
      }
    } finally {
      await Promise.all(names.flatMap((name) => sets[name].children.map((child) => child.stop())));
      await vendor.stop();
    }
    return describe(bench, measured, voids);
  },
};

function readSet({ children, databasePid }: Set): { ours: number; database: number } {
  const ours = children.reduce((sum, { pid }) => sum + readTree(pid).cpuSeconds, 0);
  return { ours, database: databasePid === undefined ? 0 : readTree(databasePid).cpuSeconds };
}

/** The Postgres that the tests bring along. */
async function findPostgres(): Promise<(() => Promise<string>) | { why: string }> {
  try {
    const { createPostgresDatabase } = await import("../../test/postgres.ts");
    await createPostgresDatabase();
    return createPostgresDatabase;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    return { why: `the tests' Postgres is not installed (npm test brings it): ${reason}` };
  }
}

/** The process whose descendants are the whole database server. */
async function findPostmaster(databaseUrl: string): Promise<number | undefined> {
  if (databaseUrl.startsWith("sqlite:")) return undefined;
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const stat = readFileSync(`/proc/${rows[0]!.pid}/stat`, "utf8");
  await client.end();
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

const texts = {
  name: "postgres",
  title: "Postgres",
  what: "The JSON turn on SQLite, on Postgres, and on Postgres by two server processes that share the database; 32 clients. The database's own CPU is shown apart.",
};

function skipped(why: string): WorkloadResult {
  return {
    ...texts,
    aims: [],
    columns: ["skipped"],
    rows: [[why]],
    plots: [],
    notes: [],
    voids: [`skipped: ${why}`],
    data: null,
  };
}

function describe(bench: Bench, measured: Record<Name, Measured>, voids: string[]): WorkloadResult {
  const [sqlite, one, two] = names.map((name) => measured[name]) as [Measured, Measured, Measured];
  const toSqlite = ratioOf(one.ours, sqlite.ours, bench.seed);
  const toOne = ratioOf(two.ours, one.ours, bench.seed);
  return {
    ...texts,
    aims: [
      {
        aim: "our CPU on Postgres within 2x of SQLite's",
        measured: printInterval(toSqlite),
        reached: toSqlite.value <= 2,
      },
      { aim: "two processes: CPU per turn does not rise", measured: printInterval(toOne), reached: toOne.low <= 1.1 },
    ],
    columns: ["database", "our CPU us per turn", "the database's CPU us per turn", "turns per second"],
    rows: names.map((name) => [
      name,
      printInterval(rateOf(measured[name].ours, bench.seed)),
      name === "SQLite" ? "in ours" : printInterval(rateOf(measured[name].database, bench.seed)),
      printInterval(rateOf(measured[name].wall, bench.seed)),
    ]),
    plots: [],
    notes: [
      "The Postgres is the one that the tests bring along, with `fsync=off`: its figures are CPU, not the wait for its disk.",
      "Two processes double the turns per second only where there are cores for them, the database, the emulator and the clients; the CPU per turn shows what they would do.",
    ],
    voids,
    data: { measured, toSqlite, toOne },
  };
}
