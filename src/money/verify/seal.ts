// The chain of seals: what is hashed, byte for byte, so that anybody can do it again. docs/decisions/verify.md has it in words.

import { hash } from "node:crypto";
import type { BookedCall } from "./derive.ts";

/** What the first seal follows. */
export const firstHash = "0".repeat(64);

export interface Seal {
  sealedAt: number;
  /** How many entries have been sealed up to and with this one. */
  entries: number;
  /** The last of them: its turn's id, and its number in it. */
  lastEntry: string;
  hash: string;
}

/** An entry of a seal: where it is in the ledger, and what it was. */
export type SealedEntry = [turnRow: number, number: number, hash: string];

/** SHA-256 (hex) of a call's canonical form: a JSON array of its columns, in this order, as JSON.stringify prints it (RFC 8785), in UTF-8. */
export function hashEntry(call: BookedCall): string {
  const { turn, number, purpose, at, vendor, modelRequested, modelServed, price, usage, total } = call;
  const { accuracy, balanced, outcome, errorCode, lines, usageRaw, counted } = call;
  return hashText(
    JSON.stringify([
      "rozmova-entry-1",
      ...[turn, number, purpose, at, vendor, modelRequested, modelServed, price?.key ?? null, ...usage],
      ...[total, accuracy, balanced, outcome, errorCode, lines, usageRaw, counted],
    ]),
  );
}

/** The same of a seal: what it follows, when it was made, how many entries are sealed with it, and the hash of each that is new. */
export function hashSeal(previous: string, sealedAt: number, entries: number, hashes: readonly string[]): string {
  return hashText(JSON.stringify(["rozmova-seal-1", previous, sealedAt, entries, ...hashes]));
}

/** SHA-256 (hex) of a canonical form that is printed already. */
export function hashText(text: string): string {
  return hash("sha256", text, "hex");
}

export function nameEntry({ turn, number }: Pick<BookedCall, "turn" | "number">): string {
  return `${turn}/${number}`;
}
