// The chain of seals, and every call by it: each seal follows from the one before it, each entry is what it was, and none is missing or too many.

import type { Difference } from "../../money/verify/compare.ts";
import type { BookedCall } from "../../money/verify/derive.ts";
import { firstHash, hashEntry, hashSeal, nameEntry, type SealedEntry } from "../../money/verify/seal.ts";
import type { Reader } from "../tx.ts";
import type { SealRow } from "./seal.ts";
import { countCalls, PriceRows, readCalls, type UnreadableCall } from "./verify-read.ts";

export interface ChainCheck {
  tell(difference: Difference): void;
  /** Each call once. */
  onCall(call: BookedCall): void;
  /** Hashes of seals that were kept elsewhere; those that are in the chain are taken out. */
  kept: Set<string>;
}

interface LinkRow extends SealRow {
  number: number;
  members: string;
}

const sealsAtOnce = 8;
/** Turns between two entries of a seal that are read together with them. */
const mostBetween = 64;
/** Of so many turns the sealed entries are kept in memory when one too many is looked for. */
const turnsAtOnce = 200_000;
const allTurns = Number.MAX_SAFE_INTEGER;

/** Reads every call, those that are sealed by their seals and the others after them. Returns how many there are of each. */
export async function checkChain(reader: Reader, check: ChainCheck): Promise<{ sealed: number; open: number }> {
  const prices = new PriceRows(reader);
  let sealed = 0;
  // A seal whose own hash was altered is named, and not every one after it: it may be followed as it is and as it should be.
  let before = { number: 0, entries: 0, hashes: [firstHash] };
  for await (const seal of readSeals(reader)) {
    const members = readMembers(seal.members);
    const hashes = members?.map(([, , hash]) => hash) ?? [];
    const entries = before.entries + hashes.length;
    const made = before.hashes.map((hash) => hashSeal(hash, seal.sealed_at, seal.entries, hashes));
    const differ = (what: string, says: unknown, should: unknown) =>
      check.tell({ where: `seal ${seal.number}`, what, says: `${says}`, should: `${should}` });
    if (seal.number !== before.number + 1) differ("number", seal.number, before.number + 1);
    if (!members) differ("members", "no list of entries", "one");
    if (seal.entries !== entries) differ("entries", seal.entries, entries);
    if (!made.includes(seal.hash)) differ("hash", seal.hash, made[0]);
    else check.kept.delete(seal.hash);
    const last = await checkMembers(reader, prices, members ?? [], seal.number, check, () => sealed++);
    if (last && nameEntry(last) !== seal.last_entry) differ("last_entry", seal.last_entry, nameEntry(last));
    before = { number: seal.number, entries: seal.entries, hashes: [...new Set([seal.hash, made[0]!])] };
  }
  const open = await checkOpen(reader, prices, check);
  if (sealed + open !== (await countCalls(reader))) await nameStrangers(reader, check);
  return { sealed, open };
}

async function* readSeals(reader: Reader): AsyncGenerator<LinkRow, void, void> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const seals = await reader.all<LinkRow>("SELECT * FROM seal WHERE number > $1 ORDER BY number LIMIT $2", [
      after,
      sealsAtOnce,
    ]);
    yield* seals;
    if (seals.length === 0) return;
    after = seals.at(-1)!.number;
  }
}

function readMembers(text: string): SealedEntry[] | undefined {
  try {
    const members: unknown = JSON.parse(text);
    return Array.isArray(members) ? members : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the last of the entries, if it is there. */
async function checkMembers(
  reader: Reader,
  prices: PriceRows,
  members: readonly SealedEntry[],
  seal: number,
  { tell, onCall }: ChainCheck,
  onFound: () => void,
): Promise<BookedCall | undefined> {
  const wanted = new Map(members.map(([turn, number, hash]) => [`${turn}/${number}`, hash]));
  const lastKey = [...wanted.keys()].at(-1);
  let last: BookedCall | undefined;
  const take = (call: BookedCall | UnreadableCall) => {
    const key = `${call.turnRow}/${call.number}`;
    const hash = wanted.get(key);
    if (hash === undefined) return;
    wanted.delete(key);
    onFound();
    if ("why" in call) {
      tell(unreadable(call));
      return;
    }
    if (key === lastKey) last = call;
    onCall(call);
    const now = hashEntry(call);
    if (now !== hash)
      tell({ where: `call ${nameEntry(call)}`, what: "hash", says: now, should: `${hash}, as seal ${seal} has it` });
  };
  for (const [from, to] of listStretches(members.map(([turn]) => turn)))
    for await (const page of readCalls(reader, prices, from, to)) page.forEach(take);
  for (const key of wanted.keys()) {
    const [turn, number] = key.split("/").map(Number);
    const [found] = await reader.all<{ id: string }>("SELECT id FROM turn WHERE row = $1", [turn!]);
    const where = `call ${nameEntry({ turn: found?.id ?? `of the turn in row ${turn}`, number: number! })}`;
    tell({ where, what: "the row", says: "not there", should: `as seal ${seal} has it` });
  }
  return last;
}

/** Turns that are near each other are read together. */
function listStretches(turns: readonly number[]): [from: number, to: number][] {
  const stretches: [number, number][] = [];
  for (const turn of [...turns].sort((a, b) => a - b)) {
    const last = stretches.at(-1);
    if (last && turn - last[1] <= mostBetween) last[1] = turn;
    else stretches.push([turn, turn]);
  }
  return stretches;
}

export function unreadable({ turnRow, number, why }: UnreadableCall): Difference {
  return { where: `call ${turnRow}/${number}`, what: "the row", says: why, should: "what can be read" };
}

interface OpenRow {
  turn: number;
  number: number;
}

/** What is not sealed yet; returns how much that is. */
async function checkOpen(reader: Reader, prices: PriceRows, { tell, onCall }: ChainCheck): Promise<number> {
  let open = 0;
  const take = (call: BookedCall | UnreadableCall) => {
    open++;
    "why" in call ? tell(unreadable(call)) : onCall(call);
  };
  const mark = await readMark(reader);
  for await (const { turn, number } of readOpen(reader, mark))
    for await (const page of readCalls(reader, prices, turn, turn))
      for (const call of page) if (call.number >= number) take(call);
  for await (const page of readCalls(reader, prices, mark + 1, allTurns)) page.forEach(take);
  return open;
}

async function readMark(reader: Reader): Promise<number> {
  const [mark] = await reader.all<{ sealed_to: number }>("SELECT sealed_to FROM seal_mark WHERE id = 1");
  return mark?.sealed_to ?? 0;
}

async function* readOpen(reader: Reader, mark: number): AsyncGenerator<OpenRow, void, void> {
  for (let after = 0; ; ) {
    const rows = await reader.all<OpenRow>(
      "SELECT turn, number FROM seal_open WHERE turn > $1 AND turn <= $2 ORDER BY turn LIMIT 500",
      [after, mark],
    );
    yield* rows;
    if (rows.length === 0) return;
    after = rows.at(-1)!.turn;
  }
}

/** Names the calls of sealed turns that no seal has; slow, and only for when their number says that there are some. */
async function nameStrangers(reader: Reader, { tell, onCall }: ChainCheck): Promise<void> {
  const prices = new PriceRows(reader);
  const mark = await readMark(reader);
  let named = 0;
  for (let from = Number.MIN_SAFE_INTEGER; from <= mark; ) {
    const [first] = await reader.all<{ turn: number }>(
      "SELECT turn FROM ledger WHERE turn >= $1 ORDER BY turn LIMIT 1",
      [from],
    );
    if (!first || first.turn > mark) break;
    const to = Math.min(mark, first.turn + turnsAtOnce);
    const known = await listKnown(reader, first.turn, to);
    const take = (call: BookedCall | UnreadableCall) => {
      if (known.has(`${call.turnRow}/${call.number}`) || isOpen(known, call)) return;
      named++;
      if ("why" in call) {
        tell(unreadable(call));
        return;
      }
      onCall(call);
      tell({ where: `call ${nameEntry(call)}`, what: "the row", says: "in no seal", should: "sealed, or not there" });
    };
    for await (const page of readCalls(reader, prices, first.turn, to)) page.forEach(take);
    from = to + 1;
  }
  if (named === 0)
    tell({ where: "the seals", what: "entries", says: "some more than once", should: "each entry once" });
}

function isOpen(known: ReadonlySet<string>, { turnRow, number }: { turnRow: number; number: number }): boolean {
  for (let from = number; from >= 1; from--) if (known.has(`open ${turnRow}/${from}`)) return true;
  return false;
}

/** The entries of these turns that are sealed, and from where on they are not sealed yet. */
async function listKnown(reader: Reader, from: number, to: number): Promise<Set<string>> {
  const known = new Set<string>();
  for await (const { members } of readSeals(reader))
    for (const [turn, number] of readMembers(members) ?? [])
      if (turn >= from && turn <= to) known.add(`${turn}/${number}`);
  for await (const { turn, number } of readOpen(reader, to)) if (turn >= from) known.add(`open ${turn}/${number}`);
  return known;
}
