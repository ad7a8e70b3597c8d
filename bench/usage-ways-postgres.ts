// The same question on Postgres, where what a turn adds to is shared by all that close: turns a second, and both sides' waiting in it.
// By hand: `npx bun bench/usage-ways-postgres.ts [postgres://...] [turns]`; without an address on one that does not wait for the disk.

import { addUp, rollUsage } from "../src/database/money/usage-roll.ts";
import { openStore } from "../src/database/open.ts";
import { runOperation } from "../src/database/operations.ts";
import { Connections } from "../src/database/postgres/connections.ts";
import { transact } from "../src/database/postgres/transaction.ts";
import type { Tx } from "../src/database/tx.ts";
import { newId } from "../src/id.ts";
import { noLog } from "../src/log.ts";
import { createPostgresDatabase } from "../test/postgres.ts";
import { closeInput, entryFor, noFields, openInput } from "../test/store-inputs.ts";
import { keys } from "./prefill-usage.ts";
import { median } from "./statistics.ts";

const url = process.argv[2]?.startsWith("postgres") ? process.argv[2] : await createPostgresDatabase();
const turns = Number(process.argv[3] ?? 240);
const [blocks, atOnce] = [2, 30];
const ways = ["not at all", "in the closing transaction", "behind, in steps of 128"] as const;

await (await openStore(url, { processId: 1 })).close();
const connections = new Connections(
  {
    connectionString: url,
    pipeline: true,
    types: { getTypeParser: ((oid: number) => (oid === 20 ? Number : String)) as never },
  },
  10,
  noLog,
);
const write = <T>(work: (tx: Tx) => Promise<T>) => transact(connections, undefined, work);
const perSecond = new Map<string, number[]>(ways.map((way) => [way, []]));
for (let block = 0; block < blocks; block++)
  for (const way of block % 2 ? ways : ways.toReversed()) perSecond.get(way)!.push(await run(way));
for (const [way, rates] of perSecond)
  console.log(
    way.padEnd(28),
    `${median(rates).toFixed(0)} turns a second (${rates.map((one) => one.toFixed(0)).join(" ")})`,
  );
await connections.close();
process.exit(0);

async function run(way: (typeof ways)[number]): Promise<number> {
  const ids = Array.from({ length: atOnce }, () => newId());
  await write(async (tx) => {
    for (const id of ids)
      await runOperation(tx, "createSession", {
        owner: "default",
        id,
        fields: noFields,
        at: 1,
        idempotency: undefined,
      });
  });
  const [{ row: begin }] = (await write((tx) =>
    tx.all<{ row: number }>("SELECT COALESCE(MAX(row), 0) AS row FROM turn"),
  )) as [{ row: number }];
  await write((tx) => tx.run("UPDATE usage_mark SET rolled_to = $1", [begin]));
  let [mark, done] = [begin, 0];
  let rolling: Promise<unknown> | undefined;
  const began = performance.now();
  await Promise.all(
    ids.map(async (id, one) => {
      for (let turn = 0; turn < turns / atOnce; turn++) {
        const input = openInput(id, { owner: "default", user: `user ${one}`, keyId: keys[one % keys.length]! });
        const opened = await write((tx) => runOperation(tx, "openTurn", input));
        if (opened.kind !== "opened") throw new Error("replayed");
        await write(async (tx) => {
          await runOperation(tx, "closeTurn", closeInput(opened, [entryFor(5n)], { owner: "default" }));
          if (way === ways[1]) await addUp(tx, { from: "ledger e", where: "e.turn = $1", params: [opened.row!] });
        });
        done++;
        if (way !== ways[2] || rolling || begin + done - mark < 128 + atOnce) continue;
        const [from, to] = [mark, mark + 128];
        mark = to;
        rolling = write((tx) => rollUsage(tx, { from, to, at: 0 })).finally(() => {
          rolling = undefined;
        });
      }
    }),
  );
  await rolling;
  return (turns * 1000) / (performance.now() - began);
}
