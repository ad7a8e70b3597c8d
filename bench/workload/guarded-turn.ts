// The JSON turn of callers whose money is watched: with a key, with a budget, and with key, user, three budgets and a rate limit.

import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { audit, readAccount } from "../books.ts";
import type { Child } from "../child.ts";
import { askJson } from "../clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "../conversation.ts";
import { runClosed } from "../load.ts";
import { prefill } from "../prefill.ts";
import { readTree } from "../process-tree.ts";
import { createRandom, type Rate, rateOf, ratioOf, shuffle } from "../statistics.ts";
import { copyDatabase, makeFolder, startOurs, startVendor } from "../targets.ts";

const names = ["bare", "bare again", "a key", "a key with a budget", "key, user, three budgets, rate limit"] as const;
type Name = (typeof names)[number];
const atOnce = 32;
const plenty = { limits: [{ window: "total", usd: "100000" }] };
/** None of them is ever reached: what is measured is that they are asked. */
const rate = {
  ...{ requests_per_minute: 100_000, tokens_per_minute: 1_000_000_000, concurrent_turns: 500 },
  per_user: { concurrent_turns: 500 },
};

interface Target {
  server: Child;
  databaseUrl: string;
  headers: Record<string, string>;
  rounds: Rate[];
}

export const guardedTurn: Workload = {
  name: "guarded-turn",
  quick: false,
  async run(bench) {
    const folder = makeFolder(bench.folder, "guarded-turn");
    const vendor = await startVendor(folder);
    await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
    const price = costOf(await vendor.readUsage(wholeBody()));
    const [rounds, turns, warmUp] = bench.full ? [12, 4_000, 16_000] : [6, 1_000, 6_000];
    const perBlock = turns / turnsPerSession;
    const file = `${makeFolder(folder, "prefilled")}/prefilled.db`;
    const warming = await prefill(`sqlite:${file}`, { sessions: warmUp / turnsPerSession, messages: earlierMessages });
    const ids = await prefill(`sqlite:${file}`, { sessions: perBlock * rounds, messages: earlierMessages });
    const targets = {} as Record<Name, Target>;
    const voids: string[] = [];
    const random = createRandom(bench.seed);
    try {
      for (const name of names) {
        const databaseUrl = `sqlite:${copyDatabase(file, makeFolder(folder, String(names.indexOf(name))))}`;
        const server = await startOurs({ folder, vendorUrl: vendor.url, databaseUrl });
        targets[name] = { server, databaseUrl, headers: await guard(name, server.url), rounds: [] };
      }
      for (let round = 0; round <= rounds; round++) {
        for (const name of shuffle(names, random)) {
          const { server, databaseUrl, headers, rounds: measured } = targets[name];
          const account = await readAccount(databaseUrl, vendor);
          const mine = round === 0 ? warming : ids.slice((round - 1) * perBlock, round * perBlock);
          const before = readTree(server.pid).cpuSeconds;
          const job = askJson(server.url, mine, headers);
          const finished = await runClosed(round === 0 ? warmUp : turns, atOnce, job);
          const used = readTree(server.pid).cpuSeconds - before;
          const wrong = [
            ...finished.failures,
            ...audit(account, await readAccount(databaseUrl, vendor), finished.done, price),
          ];
          voids.push(...wrong.map((what) => `round ${round}, ${name}: ${what}`));
          bench.say(
            `guarded-turn round ${round}/${rounds}: ${name} ${Math.round(finished.done / used)} turns per CPU-second`,
          );
          if (round > 0 && wrong.length === 0) measured.push({ amount: used * 1e6, per: finished.done });
        }
      }
    } finally {
      await Promise.all(Object.values(targets).map(({ server }) => server.stop()));
      await vendor.stop();
    }
    return describe(bench, targets, voids);
  },
};

/** Sets up what the target's callers are held to; returns what they send. */
async function guard(name: Name, url: string): Promise<Record<string, string>> {
  if (name.startsWith("bare")) return {};
  const all = name.startsWith("key, user");
  const { id, secret } = await send(url, "POST", "/keys", { name: "bench", ...(all ? { rate } : {}) });
  if (name !== "a key") await send(url, "PUT", `/budgets/key:${id}`, plenty);
  if (all) for (const scope of ["user:anna", "project"]) await send(url, "PUT", `/budgets/${scope}`, plenty);
  return { authorization: `Bearer ${secret}`, ...(all ? { "x-rozmova-user": "anna" } : {}) };
}

async function send(url: string, method: string, path: string, body: unknown): Promise<{ id: string; secret: string }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { id: string; secret: string };
}

function describe(bench: Bench, targets: Record<Name, Target>, voids: string[]): WorkloadResult {
  const bare = targets.bare.rounds;
  const measured = Object.fromEntries(names.map((name) => [name, targets[name].rounds]));
  const more = (name: Name) => rateOf(targets[name].rounds, bench.seed).value - rateOf(bare, bench.seed).value;
  const budget = more("a key with a budget") - more("a key");
  return {
    name: "guarded-turn",
    title: "JSON turn with key, user, budgets and a rate limit",
    what: "The JSON turn on SQLite, each on a server of its own with the same database before: by nobody, by a key, by a key with a budget, and by a key for a user under three budgets and all rate limits, none of which is reached.",
    aims: [
      {
        aim: "a key's budget takes at most 15 us of CPU a turn",
        measured: `${budget.toFixed(0)} us beside a key alone`,
        reached: budget <= 15,
      },
    ],
    columns: ["caller", "CPU us per turn", "of the bare turn"],
    rows: names.map((name) => [
      name,
      printInterval(rateOf(targets[name].rounds, bench.seed)),
      printInterval(ratioOf(targets[name].rounds, bare, bench.seed)),
    ]),
    plots: [],
    notes: ["Two servers of the same kind, bare and bare again, differ by what such a comparison cannot tell."],
    voids,
    data: { measured },
  };
}
