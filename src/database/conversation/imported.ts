// How rows say that they came from a file.

import type { ImportedPart } from "../../conversation/session.ts";
import { accuracyAt } from "../columns.ts";

/** Of an imported turn's row: no process has run it. */
export const importedProcess = 0;

interface Packed {
  at: number;
  pico: string;
  rank: number;
  unpriced: number;
}

export function packImported(
  at: number,
  { pico, rank, unpriced }: { pico: bigint; rank: number; unpriced: number },
): string {
  return JSON.stringify({ at, pico: `${pico}`, rank, unpriced } satisfies Packed);
}

export function unpackImported(text: string | null): ImportedPart | null {
  if (text === null) return null;
  const { at, pico, rank, unpriced }: Packed = JSON.parse(text);
  const total = pico === "0" && unpriced > 0 ? null : BigInt(pico);
  return { at, cost: { total, accuracy: accuracyAt(rank), unpricedTurns: unpriced } };
}
