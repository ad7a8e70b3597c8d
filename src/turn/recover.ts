// Turns whose process is gone: each is closed as interrupted, with the text and the bill that can still be known.

import { planMemory } from "../conversation/memory.ts";
import { sumCost } from "../money/ledger.ts";
import { estimateTokens } from "../money/tokens.ts";
import type { CallRecord } from "../provider.ts";
import type { DeadTurn } from "../store.ts";
import { bookTurn } from "./books.ts";
import { foldText } from "./event.ts";
import type { TurnTools } from "./running.ts";

const claimedAtOnce = 100;

/** Claims and closes dead turns until there are none. Each goes to one process only. Returns how many it closed. */
export async function recoverTurns(tools: TurnTools, leaseUntil: number): Promise<number> {
  let recovered = 0;
  while (true) {
    const dead = await tools.store.claimDeadTurns(tools.processId, tools.now(), leaseUntil, claimedAtOnce);
    await Promise.all(
      dead.map((turn) =>
        closeDead(tools, turn).catch((cause) => {
          tools.log.error({ turn_id: turn.turn.id, cause }, "a turn that was left running could not be closed");
        }),
      ),
    );
    recovered += dead.length;
    if (dead.length < claimedAtOnce) break;
  }
  if (recovered > 0) tools.log.warn({ turns: recovered }, "turns that a stopped process left running were closed");
  return recovered;
}

async function closeDead(tools: TurnTools, dead: DeadTurn): Promise<void> {
  const { turn } = dead;
  const { text, thought } = foldText(dead.events);
  // The dead process may have made more calls than this one, or none; one is what it is booked as, and labelled so.
  const record: CallRecord = {
    attempts: [{ model: turn.modelRequested, status: null, errorCode: null }],
    modelServed: dead.modelServed,
    responseId: null,
    usageRaw: dead.usageRaw,
    finishReason: null,
    finishDetail: null,
    vendorParts: null,
  };
  const promptEstimate = await estimatePrompt(tools, dead);
  const entries = bookTurn(tools.books, {
    turn,
    outcome: "broken",
    records: [record],
    promptEstimate,
    textEstimate: estimateTokens(text),
    thoughtEstimate: estimateTokens(thought),
    at: tools.now(),
  });
  const usage = entries.at(-1)?.usage ?? null;
  if (turn.status !== "running") {
    await tools.store.settleTurn(turn.id, tools.processId, entries, usage, sumCost(entries));
    return;
  }
  await tools.store.closeTurn({
    owner: dead.owner,
    turn,
    session: undefined,
    replyRow: undefined,
    processId: tools.processId,
    status: "interrupted",
    text,
    thought,
    vendorParts: null,
    modelServed: dead.modelServed,
    finishReason: null,
    error: null,
    notices: turn.notices,
    firstTokenAt: turn.firstTokenAt,
    endedAt: tools.now(),
    lastBatch: null,
    lastNumber: dead.nextNumber,
    usage,
    cost: sumCost(entries),
    entries,
    settled: true,
    memory: null,
  });
}

async function estimatePrompt(tools: TurnTools, dead: DeadTurn): Promise<number> {
  const { memory, turn } = dead;
  const path = await tools.store.readMemory(turn.sessionId, memory.branch, memory.position + 1, memory.from);
  const rows = path.slice(0, -1);
  const asked = path.at(-1);
  const window = tools.chooser.windowOf(turn.modelRequested, {});
  const content = asked?.content ?? "";
  return planMemory({
    rows,
    from: memory.from,
    system: dead.system,
    content,
    window,
    calibration: memory,
    model: turn.modelRequested,
  }).estimate;
}
