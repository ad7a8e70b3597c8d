// `npm run bench budget-cost`: what budgets cost a turn in the store, on SQLite: CPU time of opening and closing it, the variants in turn.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { turnRateOf } from "../src/caller/rate.ts";
import { openStore } from "../src/database/open.ts";
import type { Ask } from "../src/money/budget.ts";
import type { OpenTurn, SessionState, Store } from "../src/store.ts";
import { closeInput, entryFor, newSession, type Opened, openInput } from "../test/store-inputs.ts";
import { createRandom, shuffle } from "./statistics.ts";

const atOnce = 32;
/** Short blocks, many of them, in another order each time: what else the machine does meets all variants alike. */
const turnsInBlock = 480;
const blocks = 100;
const warmBlocks = 15;
const user = "anna";
const keyId = "0193a0c0-0000-7000-8000-000000000000";
const ask: Ask = { model: "one", call: { promptPico: 10n, tokenPico: 1n }, tokens: 90, leastTokens: 20 };

interface Variant {
  name: string;
  /** Scopes that have a limit for a day each. */
  scopes: string[];
  isRated?: true;
}
const variants: Variant[] = [
  { name: "bare", scopes: [] },
  { name: "bare again", scopes: [] },
  { name: "a budget of another key", scopes: ["key:other"] },
  { name: "a key budget", scopes: [`key:${keyId}`] },
  { name: "key, user, three budgets", scopes: [`user:${user}`, `key:${keyId}`, "project"] },
  {
    name: "key, user, three budgets and a rate limit",
    scopes: [`user:${user}`, `key:${keyId}`, "project"],
    isRated: true,
  },
];

/** One store with its sessions, each as its last turn left it. */
class Bench {
  readonly cpuUs: number[] = [];
  private readonly change: Partial<OpenTurn>;
  private readonly store: Store;
  private readonly sessions: SessionState[];

  constructor(store: Store, sessions: SessionState[], change: Partial<OpenTurn>) {
    this.store = store;
    this.sessions = sessions;
    this.change = change;
  }

  async run(turns: number): Promise<void> {
    const begun = process.cpuUsage();
    const each = turns / atOnce;
    await Promise.all(this.sessions.map((_, at) => this.speak(at, each)));
    const { user: own, system } = process.cpuUsage(begun);
    this.cpuUs.push((own + system) / turns);
  }

  private async speak(at: number, turns: number): Promise<void> {
    const entries = [entryFor(30n)];
    for (let n = 0; n < turns; n++) {
      const known = this.sessions[at]!;
      const opened = (await this.store.openTurn(openInput(known.id, { ...this.change, known }))) as Opened;
      const { holds, budgetVersion } = opened;
      const closed = await this.store.closeTurn(closeInput(opened, entries, { holds, budgetVersion }));
      this.sessions[at] = closed!.session;
    }
  }
}

async function prepare(folder: string, { name, scopes, isRated }: Variant): Promise<Bench> {
  const store = await openStore(`sqlite:${join(folder, `${name}.db`)}`, { processId: 4711 });
  const limit = { window: "day" as const, limit: 10n ** 17n, models: null, names: null };
  for (const scope of scopes) await store.putBudgets({ project: "", scope }, [limit], null, null, Date.now());
  const sessions = await Promise.all(
    Array.from({ length: atOnce }, async () => (await store.peekSession("", (await newSession(store, { user })).id))!),
  );
  const rate = isRated
    ? turnRateOf({ tokens_per_minute: 1_000_000_000, concurrent_turns: 10_000 }, keyId, user, { input: 100, answer: 0 })
    : undefined;
  const asker = { project: "", sessionId: sessions[0]!.id, user, keyId };
  const budgets = await store.findBudgets(asker);
  return new Bench(store, sessions, { user, keyId, ask, budgets, ...(rate && { rate }) });
}

const folder = mkdtempSync(join(tmpdir(), "rozmova-cost-"));
try {
  const benches = await Promise.all(variants.map((variant) => prepare(folder, variant)));
  const random = createRandom(1);
  for (let block = 0; block < warmBlocks + blocks; block++)
    for (const bench of shuffle(benches, random)) await bench.run(turnsInBlock);
  const sorted = (of: number[]) => of.toSorted((a, b) => a - b);
  const quartile = (of: number[], quarter: number) =>
    Number(sorted(of)[Math.floor((of.length * quarter) / 4)]!.toFixed(1));
  const bare = benches[0]!.cpuUs.slice(warmBlocks);
  for (const [at, { name }] of variants.entries()) {
    const cpuUs = benches[at]!.cpuUs.slice(warmBlocks);
    const more = cpuUs.map((cpu, block) => cpu - bare[block]!);
    const quarters = (of: number[]) => [1, 2, 3].map((quarter) => quartile(of, quarter));
    console.log(JSON.stringify({ name, cpuUs: quarters(cpuUs), more: quarters(more) }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
