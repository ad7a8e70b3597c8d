// Budgets in the check of the books: what every window must say follows from turns, titles and ledger, whatever was done; what is altered is named.

import { describe, expect, test } from "bun:test";
import { budgets } from "../src/database/money/check/budget-check.ts";
import { checkSums } from "../src/database/money/check/sum-check.ts";
import { openEngine } from "../src/database/open.ts";
import { newId } from "../src/id.ts";
import type { Ask, BudgetLimit } from "../src/money/budget.ts";
import { budgetWindows } from "../src/money/budget-window.ts";
import type { LedgerEntry } from "../src/money/ledger.ts";
import type { Store } from "../src/store.ts";
import { engines } from "./engines.ts";
import { closeInput, entryFor, newSession, type Opened, openInput, processId } from "./store-inputs.ts";
import { openTestStore } from "./stores.ts";
import { alter } from "./verify-books.ts";

const project = "anna";
const noon = Date.parse("2026-11-30T12:00:00Z"); // a Monday, and a month's last day
const dayMs = 86_400_000;
const limitOf = (window: BudgetLimit["window"], models: string[] | null = null): BudgetLimit => ({
  ...{ window, limit: 10n ** 15n, models, names: models },
});

/** All that is found: "budget anna user:u by day from 0: settled_pico". */
async function listFound(url: string): Promise<string[]> {
  const engine = await openEngine(url, { processId: 0, readOnly: true });
  const { differences } = await engine.snapshot((reader) => checkSums(reader, budgets, 1_000));
  await engine.close();
  return differences.map(({ where, what, says, should }) => `${where}: ${what} ${says} for ${should}`);
}

/** The same numbers each time. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % sides;
  };
}

/** Turns, bills that come late, titles, budgets that are made, changed and taken away, and a clock that steps across midnights. */
class Story {
  private readonly store: Store;
  private readonly roll: (sides: number) => number;
  private readonly sessions: string[];
  private readonly running: Opened[] = [];
  private readonly stopped: Opened[] = [];
  private readonly titled = new Map<number, string>();
  private at = noon;

  constructor(store: Store, sessions: string[], seed: number) {
    this.store = store;
    this.sessions = sessions;
    this.roll = createDice(seed);
  }

  async step(): Promise<void> {
    this.at += this.roll(8) === 0 ? (this.roll(5) - 2) * dayMs : this.roll(1_000);
    const what = this.roll(10);
    if (what < 4) await this.open();
    else if (what < 6) await this.end();
    else if (what === 6) await this.settle();
    else if (what === 7) await this.changeBudgets();
    else await this.nameSession();
  }

  private pick<T>(of: readonly T[]): T {
    return of[this.roll(of.length)]!;
  }

  private async open(): Promise<void> {
    const sessionId = this.pick(this.sessions);
    const asker = { project, sessionId, user: this.pick(["u", "v", null]), keyId: this.pick(["k", null]) };
    const ask: Ask = {
      ...{ model: this.pick(["one", "two"]), call: { promptPico: 10n, tokenPico: 1n }, tokens: 90, leastTokens: 20 },
    };
    const { user, keyId } = asker;
    const budgetsOf = this.roll(2) === 0 ? { budgets: await this.store.findBudgets(asker) } : {};
    const input = openInput(sessionId, { owner: project, user, keyId, ask, at: this.at, ...budgetsOf });
    const opened = await this.store.openTurn({ ...input, modelRequested: ask.model }).catch((cause) => {
      if (cause.code !== "turn_in_progress") throw cause;
    });
    if (opened) this.running.push(opened as Opened);
  }

  /** Of one model, or of two; what each cost is known or not, and may be more than was held. */
  private bill(model: string, purpose: LedgerEntry["purpose"] = "chat"): LedgerEntry[] {
    return Array.from({ length: this.roll(3) + (purpose === "title" ? 1 : 0) }, (_, index) =>
      entryFor(this.roll(4) === 0 ? null : BigInt(this.roll(300)), {
        ...{ attempt: index + 1, at: this.at, purpose },
        modelRequested: index === 0 ? model : this.pick(["one", "two"]),
      }),
    );
  }

  private async end(): Promise<void> {
    const [opened] = this.running.splice(this.roll(this.running.length || 1), 1);
    if (!opened) return;
    const settled = this.roll(3) > 0;
    const entries = settled ? this.bill(opened.turn.modelRequested) : [];
    const known = this.roll(4) > 0 ? { holds: opened.holds, budgetVersion: opened.budgetVersion } : {};
    await this.store.closeTurn(closeInput(opened, entries, { owner: project, ...known, settled }));
    if (!settled) this.stopped.push(opened);
  }

  private async settle(): Promise<void> {
    const [opened] = this.stopped.splice(this.roll(this.stopped.length || 1), 1);
    if (!opened) return;
    const entries = this.bill(opened.turn.modelRequested);
    await this.store.settleTurn(opened.turn.id, processId, entries);
  }

  private async changeBudgets(): Promise<void> {
    const scope = this.pick(["global", "project", "key:k", "user:u", "user:v", `session:${this.sessions[0]}`]);
    const whose = { project: scope === "global" ? "" : project, scope };
    const listed = await this.store.listBudgets({ ...whose, global: true, scopes: [scope], limit: 1, at: this.at });
    if (listed.data.length > 0 && this.roll(3) === 0) return this.store.deleteBudgets(whose, null, this.at);
    const limits = [limitOf(this.pick(budgetWindows)), limitOf(this.pick(budgetWindows), [this.pick(["one", "two"])])];
    await this.store.putBudgets(whose, limits, this.pick([null, 1]), null, this.at);
  }

  private async nameSession(): Promise<void> {
    const [session, owner] = this.pick([...this.titled, [0, ""] as const]);
    if (session !== 0 && this.roll(2) === 0) {
      this.titled.delete(session);
      const entries = this.bill("one", "title");
      await this.store.endTitle({ owner, session, processId, entries, title: null, at: this.at });
      return;
    }
    const source = await this.store.readTitleSource(project, this.pick(this.sessions));
    if (!source?.turn || this.titled.has(source.session)) return;
    const ask: Ask = { model: "one", call: { promptPico: 5n, tokenPico: 1n }, tokens: 20, leastTokens: 20 };
    const calls = [{ at: this.at, model: "one", status: null, errorCode: null }];
    const how = { ifVersion: undefined, processId, leaseMs: 60_000, promptEstimate: 5, ask, calls, at: this.at };
    await this.store.beginTitle({ owner: project, session: source.session, turn: source.turn, ...how });
    this.titled.set(source.session, project);
  }
}

describe.each(engines)("on %s", (_name, createDatabase) => {
  test.each([1, 2, 3])("whatever was done, every window says what follows from the rest (%p)", async (seed) => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const sessions = await Promise.all([1, 2, 3, 4].map(async () => (await newSession(store, {}, project)).id));
    const story = new Story(store, sessions, seed);
    for (let round = 0; round < 6; round++) {
      for (let step = 0; step < 40; step++) await story.step();
      expect(await listFound(url)).toEqual([]);
    }
    await store.close();
  });

  test("what is altered is named: what is settled, held and beyond, of every scope and window", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const { id } = await newSession(store, { user: "u" }, project);
    const other = await newSession(store, { user: "u" }, project);
    const keyId = newId();
    const ask: Ask = { model: "one", call: { promptPico: 10n, tokenPico: 1n }, tokens: 90, leastTokens: 20 };
    const asked = { owner: project, user: "u", keyId, ask, at: noon };
    const speak = async (cost: bigint | null) => {
      const opened = (await store.openTurn(openInput(id, asked))) as Opened;
      const { holds, budgetVersion } = opened;
      const entries = [entryFor(cost, { at: noon })];
      await store.closeTurn(closeInput(opened, entries, { owner: project, holds, budgetVersion }));
      return opened.turn.id;
    };
    const early = await speak(30n);
    const scopes = ["global", "project", `key:${keyId}`, "user:u", `session:${id}`];
    const limits = budgetWindows.map((window) => limitOf(window));
    for (const scope of scopes)
      await store.putBudgets({ project: scope === "global" ? "" : project, scope }, limits, null, null, noon);
    const late = await speak(250n);
    await speak(null);
    await store.openTurn(openInput(other.id, asked));
    await store.close();
    expect(await listFound(url)).toEqual([]);
    const number = (scope: string) =>
      `budget = (SELECT number FROM budget WHERE scope = '${scope}' AND period = 'day')`;
    await alter(
      url,
      `UPDATE budget_window SET settled_pico = settled_pico + 1 WHERE ${number("global")}`,
      `UPDATE budget_window SET settled_pico = settled_pico - 1 WHERE ${number("project")}`,
      `UPDATE budget_window SET held_pico = held_pico + 1 WHERE ${number(`key:${keyId}`)}`,
      `UPDATE budget_window SET held_pico = 0 WHERE ${number("user:u")}`,
      `UPDATE budget_window SET beyond_pico = 0 WHERE ${number(`session:${id}`)}`,
    );
    const from = Date.parse("2026-11-30T00:00:00Z");
    const named = [
      ` global by day from ${from}: settled_pico 481 for 480`,
      `${project} project by day from ${from}: settled_pico 479 for 480`,
      `${project} key:${keyId} by day from ${from}: held_pico 201 for 200`,
      `${project} user:u by day from ${from}: held_pico 0 for 200`,
      `${project} session:${id} by day from ${from}: beyond_pico 0 for 50`,
    ];
    expect((await listFound(url)).toSorted()).toEqual(named.map((line) => `budget ${line}`).toSorted());
    // And whatever it is derived from.
    await alter(
      url,
      `UPDATE ledger SET total_pico = total_pico + 3 WHERE turn = (SELECT row FROM turn WHERE id = '${late}')`,
    );
    expect(await listFound(url)).toContain(`budget ${project} user:u by week from ${from}: settled_pico 480 for 483`);
    await alter(url, `DELETE FROM ledger WHERE turn = (SELECT row FROM turn WHERE id = '${early}')`);
    expect(await listFound(url)).toContain(`budget ${project} user:u by week from ${from}: settled_pico 480 for 453`);
    await alter(url, `UPDATE turn SET holds = NULL WHERE settled = 0`);
    expect(await listFound(url)).toContain(`budget ${project} user:u by week from ${from}: held_pico 200 for 0`);
  });
});
