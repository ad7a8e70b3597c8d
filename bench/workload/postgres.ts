// The same JSON turns on SQLite, on Postgres with one server process, and with two: on a database each, and on one that they share.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { createPostgresDatabase } from "../../test/postgres.ts";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { type Account, audit, readAccount } from "../books.ts";
import type { Child } from "../child.ts";
import { askJson } from "../clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "../conversation.ts";
import { runClosed } from "../load.ts";
import { prefill } from "../prefill.ts";
import { readTree } from "../process-tree.ts";
import { createRandom, type Interval, type Rate, rateOf, ratioOf, shuffle } from "../statistics.ts";
import { makeFolder, startOurs, startVendor, type Vendor } from "../targets.ts";

const names = [
  "SQLite",
  "Postgres, one process",
  "two processes, a database each",
  "two processes share a database, a session stays at one",
  "two processes share a database, a session changes at every turn",
] as const;
type Name = (typeof names)[number];
/**
 * Each process takes thousands of turns before it is measured, as in the other workloads: a young one compiles a lot, and one on
 * Postgres for longer. Twice as many a session as when it is measured, so that there are not too many sessions to write.
 */
const warmUpTurnsPerSession = turnsPerSession * 2;
interface Servers {
  databaseUrls: string[];
  children: Child[];
  sessions: string[];
  databasePid: number | undefined;
}
/** The process that takes a session's turn, by the session's place in line and the turns it has had. */
type ProcessOf = (place: number, turns: number) => number;
const alone: ProcessOf = () => 0;
const stays: ProcessOf = (place) => place % 2;
const changes: ProcessOf = (place, turns) => (place + turns) % 2;
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
    const [rounds, turns, warmUp] = bench.full ? [8, 1_500, 12_000] : [3, 400, 4_000];
    const perBlock = turns / turnsPerSession;
    const warmUpSessions = warmUp / warmUpTurnsPerSession;
    const blockOf = (sessions: readonly string[], round: number) =>
      sessions.slice(warmUpSessions + (round - 1) * perBlock, warmUpSessions + round * perBlock);
    const fill = (databaseUrl: string) =>
      prefill(databaseUrl, { sessions: warmUpSessions + perBlock * rounds, messages: earlierMessages });
    /** A process for each database that is named, also where one is named twice. */
    const open = async (sessions: string[], ...databaseUrls: string[]): Promise<Servers> => {
      const children: Child[] = [];
      for (const databaseUrl of databaseUrls)
        children.push(await startOurs({ folder, vendorUrl: vendor.url, databaseUrl }));
      const databasePid = await findPostmaster(databaseUrls[0]!);
      return { databaseUrls: [...new Set(databaseUrls)], children, sessions, databasePid };
    };
    const file = `sqlite:${join(folder, "rozmova.db")}`;
    const filled = await createDatabase();
    const sessions = await fill(filled);
    const copies = await Promise.all(Array.from({ length: 5 }, () => createDatabase(filled)));
    const [one, left, right, staying, changing] = copies as [string, string, string, string, string];
    const targets: Record<Name, [Servers, ProcessOf]> = {
      SQLite: [await open(await fill(file), file), alone],
      "Postgres, one process": [await open(sessions, one), alone],
      "two processes, a database each": [await open(sessions, left, right), stays],
      "two processes share a database, a session stays at one": [await open(sessions, staying, staying), stays],
      "two processes share a database, a session changes at every turn": [
        await open(sessions, changing, changing),
        changes,
      ],
    };
    const measured = Object.fromEntries(
      names.map((name) => [name, { ours: [], database: [], wall: [] }]),
    ) as unknown as Record<Name, Measured>;
    const voids: string[] = [];
    const random = createRandom(bench.seed);
    try {
      for (let round = 0; round <= rounds; round++) {
        for (const name of shuffle(names, random)) {
          const [set, processOf] = targets[name];
          const account = await readAccounts(set, vendor);
          const mine = round === 0 ? set.sessions.slice(0, warmUpSessions) : blockOf(set.sessions, round);
          const ask = askJson(({ place, turns }) => set.children[processOf(place, turns)]!.url, mine);
          const before = readSet(set);
          const finished = await runClosed(round === 0 ? warmUp * set.children.length : turns, 32, ask);
          const after = readSet(set);
          const wrong = [
            ...finished.failures,
            ...audit(account, await readAccounts(set, vendor), finished.done, price),
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
      await Promise.all(names.flatMap((name) => targets[name][0].children.map((child) => child.stop())));
      await vendor.stop();
    }
    return describe(bench, measured, voids);
  },
};

/** The books of all databases of a set, added up. */
async function readAccounts({ databaseUrls }: Servers, vendor: Vendor): Promise<Account> {
  const accounts = await Promise.all(databaseUrls.map((url) => readAccount(url, vendor)));
  return accounts.reduce((sum, account) => ({
    entries: sum.entries + account.entries,
    spent: sum.spent + account.spent,
    spentBySessions: sum.spentBySessions + account.spentBySessions,
    spentByTurns: sum.spentByTurns + account.spentByTurns,
    running: sum.running + account.running,
    calls: account.calls,
  }));
}

function readSet({ children, databasePid }: Servers): { ours: number; database: number } {
  const ours = children.reduce((sum, { pid }) => sum + readTree(pid).cpuSeconds, 0);
  return { ours, database: databasePid === undefined ? 0 : readTree(databasePid).cpuSeconds };
}

/** The Postgres that the tests bring along. */
async function findPostgres(): Promise<typeof createPostgresDatabase | { why: string }> {
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
  what: "The JSON turn on SQLite, on Postgres, and on Postgres by two server processes, which have a database each or share one; 32 clients in all. The database's own CPU is shown apart.",
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
  const [sqlite, one, apart, staying, changing] = names.map((name) => measured[name].ours) as [
    ...[Rate[], Rate[], Rate[], Rate[], Rate[]],
  ];
  const toSqlite = ratioOf(one, sqlite, bench.seed);
  const toOne = ratioOf(staying, one, bench.seed);
  const toApart = [staying, changing].map((rounds) => ratioOf(rounds, apart, bench.seed)) as [Interval, Interval];
  return {
    ...texts,
    aims: [
      {
        aim: "our CPU on Postgres within 2x of SQLite's",
        measured: printInterval(toSqlite),
        reached: toSqlite.value <= 2,
      },
      {
        aim: "two processes that share a database: CPU per turn is what it is with a database each",
        measured: printInterval(toApart[0]),
        reached: toApart[0].low <= 1.1,
      },
      {
        aim: "the same where a session changes the process at every turn",
        measured: printInterval(toApart[1]),
        reached: toApart[1].low <= 1.1,
      },
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
      `Two processes double the turns per second only where there are cores for them, the database, the emulator and the clients. Where there are not, a turn also takes more CPU (${printInterval(toOne)} times that of one process here), because each has compiled less of its code, finds colder caches and is interrupted more often. Two that have a database each show all of that; what sharing costs is the rest.`,
      "A session has four turns in a block. Where it changes the process, two of them meet a process that has not seen it and read its whole memory; of the others, what the other process added is read.",
    ],
    voids,
    data: { measured, toSqlite, toOne, toApart },
  };
}
