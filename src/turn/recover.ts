// Turns whose process is gone: each is closed as interrupted, with the text and the bill that can still be known.

import { planMemory, tokensAlone } from "../conversation/memory.ts";
import { messageTokens, PrintedPath } from "../conversation/path.ts";
import type { LedgerEntry } from "../money/ledger.ts";
import type { Attempt } from "../provider.ts";
import type { CloseTurn, DeadTurn } from "../store.ts";
import { bookTurn } from "./books.ts";
import { closeInAnyCase, settleInAnyCase } from "./close.ts";
import type { TurnTools } from "./tools.ts";

const claimedAtOnce = 100;
/** So many are read and closed at the same time: what was saved of one may be long. */
const closedAtOnce = 8;
const longestPauseMs = 60_000;

/** The turns that nobody runs any more, claimed and closed again and again; a turn that cannot be closed keeps no other from it. */
export class Recovery {
  private readonly tools: TurnTools;
  private readonly leaseMs: number;
  private readonly known: () => string[];
  private underWay: Promise<number> | undefined;
  private stopped = false;
  /** Turns that could not be closed, and when each is tried again. */
  private readonly postponed = new Map<string, { until: number; pauseMs: number }>();

  /** `known`: the turns that this process runs. */
  constructor(tools: TurnTools, leaseMs: number, known: () => string[]) {
    this.tools = tools;
    this.leaseMs = leaseMs;
    this.known = known;
  }

  /** Claims and closes dead turns until there are none; returns how many it closed. Never throws: it will be tried again. */
  run(): Promise<number> {
    if (this.stopped) return Promise.resolve(0);
    this.underWay ??= this.closeAll().finally(() => {
      this.underWay = undefined;
    });
    return this.underWay;
  }

  /** Nothing is claimed any more. Resolves when what is under way is over. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.underWay;
  }

  private async closeAll(): Promise<number> {
    let closed = 0;
    try {
      for (;;) {
        const ids = await this.claim();
        closed += await this.closeEach([...ids]);
        if (ids.length < claimedAtOnce || this.stopped) break;
      }
    } catch (cause) {
      this.tools.log.warn({ cause }, "turns that were left running could not be looked for; trying again");
    }
    if (closed > 0) this.tools.log.warn({ turns: closed }, "turns that a stopped process left running were closed");
    return closed;
  }

  private claim(): Promise<string[]> {
    const { store, processId, now } = this.tools;
    const waiting = [...this.postponed].filter(([, { until }]) => until > now()).map(([id]) => id);
    return store.claimDeadTurns(processId, [...this.known(), ...waiting], this.leaseMs, claimedAtOnce);
  }

  private async closeEach(ids: string[]): Promise<number> {
    let closed = 0;
    const work = async () => {
      for (let id = ids.shift(); id !== undefined && !this.stopped; id = ids.shift())
        if (await this.tryToClose(id)) closed++;
    };
    await Promise.all(Array.from({ length: closedAtOnce }, work));
    return closed;
  }

  private async tryToClose(turnId: string): Promise<boolean> {
    try {
      await closeDead(this.tools, await this.tools.store.readDeadTurn(turnId));
      this.postponed.delete(turnId);
      return true;
    } catch (cause) {
      const pauseMs = Math.min(longestPauseMs, 2 * (this.postponed.get(turnId)?.pauseMs ?? this.leaseMs));
      this.postponed.set(turnId, { until: this.tools.now() + pauseMs, pauseMs });
      this.tools.log.error(
        { turn_id: turnId, cause },
        "a turn that was left running could not be closed; trying again",
      );
      return false;
    }
  }
}

async function closeDead(tools: TurnTools, dead: DeadTurn): Promise<void> {
  const { turn } = dead;
  const vendor = tools.books.provider.vendor;
  // Every turn makes one call at its beginning; another one is written down before it is sent. What it cost does not depend on the day
  // it was found.
  const begun = dead.calls ?? [{ at: turn.startedAt, model: turn.modelRequested, status: null, errorCode: null }];
  const nothing = { modelServed: null, usageRaw: null, counted: null };
  const attempts = begun.map((call, index): Attempt => {
    const { modelServed, usageRaw, counted } = index === begun.length - 1 ? dead : nothing;
    return { ...call, vendor, modelServed, usageRaw, counted };
  });
  const promptEstimate = await estimatePrompt(tools, dead);
  const entries = bookTurn(tools.books, {
    outcome: "broken",
    attempts,
    promptEstimate,
    textEstimate: dead.textEstimate,
    thoughtEstimate: dead.thoughtEstimate,
  });
  if (turn.status !== "running") {
    const write = (booked: LedgerEntry[]) => tools.store.settleTurn(turn.id, tools.processId, booked);
    await settleInAnyCase(turn.id, entries, write, tools.log);
    return;
  }
  const end: CloseTurn = {
    owner: dead.owner,
    opened: { turn },
    question: dead.question,
    processId: tools.processId,
    status: "interrupted",
    text: dead.text,
    thought: dead.thought,
    vendorParts: null,
    modelServed: dead.modelServed,
    finishReason: null,
    error: null,
    notices: turn.notices,
    firstTokenAt: turn.firstTokenAt,
    endedAt: tools.now(),
    lastBatch: null,
    lastNumber: dead.nextNumber,
    entries,
    settled: true,
    memory: null,
  };
  await closeInAnyCase(tools.store, end, tools.log);
}

/** As the dead process estimated it; or, where that cannot be found out any more, the new message alone. */
async function estimatePrompt(tools: TurnTools, dead: DeadTurn): Promise<number> {
  const { memory, turn, system, question } = dead;
  const alone = tokensAlone(system, messageTokens(question));
  try {
    const path = new PrintedPath(memory.from, turn.modelRequested, () => "");
    for (const past of await tools.store.readMemory(memory)) path.add(past);
    const room = tools.chooser.roomOf(turn.modelRequested, {});
    return planMemory({ path, alone, room, calibration: memory }).estimate;
  } catch {
    return alone; // for instance: less memory is allowed today than then
  }
}
