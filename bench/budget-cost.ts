// `npm run bench budget-cost`: what budgets cost a turn in the store, on SQLite: CPU time of opening and closing it, the variants in turn.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { turnRateOf } from "../src/caller/rate.ts";
import { openStore } from "../src/database/open.ts";
import type { Ask } from "../src/money/budget.ts";
import type { OpenTurn, SessionState, Store } from "../src/store.ts";
import { closeInput, entryFor, newSession, type Opened, openInput } from "../test/store-inputs.ts";

const atOnce = 32;
const turnsInBlock = 4_000;
const blocks = 9;
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
  const { version, any } = await store.readBudgetState();
  const sessions = await Promise.all(
    Array.from({ length: atOnce }, async () => (await store.peekSession("", (await newSession(store, { user })).id))!),
  );
  const rate = isRated
    ? turnRateOf({ tokens_per_minute: 1_000_000_000, concurrent_turns: 10_000 }, keyId, user, { input: 100, answer: 0 })
    : undefined;
  const budgets = any ? { ask } : { noBudgetAt: version };
  return new Bench(store, sessions, { user, keyId, ...budgets, ...(rate && { rate }) });
}

const folder = mkdtempSync(join(tmpdir(), "rozmova-cost-"));
try {
  const benches = await Promise.all(variants.map((variant) => prepare(folder, variant)));
  for (const bench of benches) await bench.run(turnsInBlock); // warm
  for (let block = 0; block < blocks; block++) for (const bench of benches) await bench.run(turnsInBlock);
  const median = (of: number[]) => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)]!;
  const pairs = (bench: Bench) => bench.cpuUs.slice(1).map((cpu, at) => cpu - benches[0]!.cpuUs[at + 1]!);
  for (const [at, { name }] of variants.entries()) {
    const bench = benches[at]!;
    const more = pairs(bench).toSorted((a, b) => a - b);
    console.log(
      JSON.stringify({
        ...{ name, cpuUs: Number(median(bench.cpuUs.slice(1)).toFixed(1)), more: Number(median(more).toFixed(1)) },
        range: [Number(more[0]!.toFixed(1)), Number(more.at(-1)!.toFixed(1))],
      }),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
