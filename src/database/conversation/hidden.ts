// What a session's other branches have cost, so that it and the messages on the path add up to what all turns have cost.

import type { HiddenTurns } from "../../store.ts";
import { accuracyAt } from "../columns.ts";
import { getPath } from "../message.ts";
import type { Reader, Value } from "../tx.ts";

/** Of some turns: how many they are, what they cost, and how many of each accuracy from 1 (`partial`) on there are. */
interface Sums {
  turns: number;
  pico: bigint;
  ranks: number[];
}

const ranks = [1, 2, 3];
const sums = `COUNT(*) AS turns, CAST(COALESCE(SUM(cost_pico), 0) AS TEXT) AS cost_pico,
  ${ranks.map((rank) => `COUNT(CASE WHEN accuracy_rank = ${rank} THEN 1 END) AS rank_${rank}`).join(", ")}`;

/** The turns that are not on the path to this message, or to the newest one of the current branch. Throws not_found. */
export async function sumHidden(reader: Reader, owner: string, sessionId: string, tip?: string): Promise<HiddenTurns> {
  const path = await getPath(reader, owner, sessionId, tip);
  const hidden: Sums = { turns: 0, pico: 0n, ranks: ranks.map(() => 0) };
  if (path.isBranched || tip !== undefined) {
    add(hidden, await sum(reader, "session = $1", [path.session]), 1);
    for (const { branch, low, high } of path.segments) {
      const where = "session = $1 AND branch = $2 AND position BETWEEN $3 AND $4";
      add(hidden, await sum(reader, where, [path.session, branch, low, high]), -1);
    }
  }
  const [partial, estimated, unknown] = hidden.ranks as [number, number, number];
  const accuracy = accuracyAt(unknown > 0 ? 3 : estimated > 0 ? 2 : partial > 0 ? 1 : 0);
  const total = hidden.pico === 0n && unknown > 0 ? null : hidden.pico;
  return { turns: hidden.turns, cost: { total, accuracy, unpricedTurns: unknown } };
}

async function sum(reader: Reader, where: string, params: Value[]): Promise<Sums> {
  const [row] = await reader.all<Record<string, string | number>>(`SELECT ${sums} FROM turn WHERE ${where}`, params);
  return {
    turns: Number(row!.turns),
    pico: BigInt(row!.cost_pico!),
    ranks: ranks.map((rank) => Number(row![`rank_${rank}`])),
  };
}

function add(to: Sums, { turns, pico, ranks }: Sums, sign: 1 | -1): void {
  to.turns += sign * turns;
  to.pico += BigInt(sign) * pico;
  for (const [index, count] of ranks.entries()) to.ranks[index]! += sign * count;
}
