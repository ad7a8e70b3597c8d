// What it costs a turn to be added up: in its own closing transaction, behind the turns in steps, or not at all. By hand:
// `npx bun bench/usage-ways.ts [sqlite | postgres://...] [turns]`. CPU of this process; blocks of the three ways in turn.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { addUp, rollUsage } from "../src/database/money/usage-roll.ts";
import { openStore } from "../src/database/open.ts";
import { runOperation } from "../src/database/operations.ts";
import { Connection, SqliteTx } from "../src/database/sqlite/connection.ts";
import type { Tx } from "../src/database/tx.ts";
import { newId } from "../src/id.ts";
import { closeInput, entryFor, noFields, openInput } from "../test/store-inputs.ts";
import { keys } from "./prefill-usage.ts";
import { median } from "./statistics.ts";

const [turns = 4_000, blocks = 6, group = 32, sessions = 400] = process.argv.slice(2).map(Number);
const ways = ["not at all", "in the closing transaction", "behind, in steps of 256"] as const;

const folder = mkdtempSync(join(tmpdir(), "rozmova-ways-"));
const took = new Map<string, number[]>();
for (const way of ways) took.set(way, []);
let longest = 0;
for (let block = 0; block < blocks; block++)
  for (const way of block % 2 ? ways : ways.toReversed())
    took.get(way)!.push(await run(way, join(folder, `${block}-${way}.db`)));
for (const [way, us] of took)
  console.log(
    way.padEnd(28),
    `${median(us).toFixed(1)} us of CPU a turn (${us.map((one) => one.toFixed(0)).join(" ")})`,
  );
console.log(`longest step behind: ${longest.toFixed(1)} ms of CPU`);
rmSync(folder, { recursive: true });

async function run(way: (typeof ways)[number], file: string): Promise<number> {
  await (await openStore(`sqlite:${file}`, { processId: 1 })).close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  const connection = new Connection(database);
  const tx = new SqliteTx(connection);
  const transact = async (work: (tx: Tx) => Promise<unknown>) => {
    database.exec("BEGIN IMMEDIATE");
    await work(tx);
    database.exec("COMMIT");
  };
  const ids = Array.from({ length: sessions }, () => newId());
  await transact(async () => {
    for (const id of ids)
      await runOperation(tx, "createSession", {
        owner: "default",
        id,
        fields: noFields,
        at: 1,
        idempotency: undefined,
      });
  });
  let mark = 0;
  const began = process.cpuUsage();
  for (let at = 0; at < turns; at += group) {
    const opened: Awaited<ReturnType<typeof open>>[] = [];
    await transact(async () => {
      for (let one = at; one < at + group; one++) opened.push(await open(tx, ids[one % sessions]!, one));
    });
    await transact(async () => {
      for (const turn of opened) {
        await runOperation(tx, "closeTurn", closeInput(turn, [entryFor(5n)], { owner: "default" }));
        if (way === ways[1]) await addUp(tx, { from: "ledger e", where: "e.turn = $1", params: [turn.row!] });
      }
    });
    if (way !== ways[2]) continue;
    const newest = opened.at(-1)!.row!;
    while (newest - mark >= 256) {
      const step = process.cpuUsage();
      await transact(() => rollUsage(tx, { from: mark, to: mark + 256, at: 0 }));
      const { user, system } = process.cpuUsage(step);
      longest = Math.max(longest, (user + system) / 1000);
      mark += 256;
    }
  }
  const { user, system } = process.cpuUsage(began);
  database.close();
  return (user + system) / turns;
}

async function open(tx: Tx, sessionId: string, one: number) {
  const opened = await runOperation(tx, "openTurn", {
    ...openInput(sessionId, { owner: "default", user: `user ${one % sessions}`, keyId: keys[one % keys.length]! }),
  });
  if (opened.kind !== "opened") throw new Error("replayed");
  return opened;
}
