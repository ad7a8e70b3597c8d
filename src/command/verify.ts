// `rozmova verify`: every receipt and every sum derived again from what the vendors sent, and held against what is booked.

import { existsSync, readFileSync, statSync } from "node:fs";
import { loadConfig } from "../config.ts";
import type { Engine } from "../database/engine.ts";
import { refuseOlder, sqliteFile } from "../database/inspect.ts";
import { checkSums, sumChecks } from "../database/money/check/sum-check.ts";
import { usageChecks } from "../database/money/check/usage-check.ts";
import { countCalls, readPriceRows } from "../database/money/verify-read.ts";
import { checkChain } from "../database/money/verify-seal.ts";
import { openEngine } from "../database/open.ts";
import type { Reader } from "../database/tx.ts";
import { CallChecker, type Difference, printShort } from "../money/verify/compare.ts";
import { readPriceContent } from "../money/verify/price-content.ts";
import { prices } from "../providers/index.ts";
import { createProgress } from "./progress.ts";

/** Each difference is a line on stdout, at most so many; the rest is counted. */
const mostShown = 100;
const progressEvery = 5_000;
const checks = [...sumChecks, ...usageChecks];

/** Counts differences, and keeps the first ones. */
class Differences {
  readonly shown: Difference[] = [];
  count = 0;
  /** There are more, whose number is not known. */
  more = false;
  private readonly mostShown: number;

  constructor(mostShown: number) {
    this.mostShown = mostShown;
  }

  add = (difference: Difference): void => {
    this.count++;
    if (this.shown.length < this.mostShown) this.shown.push(difference);
  };
}

/** Exit status 1 on any difference. A server may be running: all that is read is of one moment. */
export async function runVerify(words: string[]): Promise<void> {
  const { kept, settings } = readWords(words);
  const { databaseUrl } = loadConfig(settings);
  const begun = performance.now();
  const { found, checked } = await verifyBooks(databaseUrl, { kept });
  for (const { where, what, says, should } of found.shown)
    console.log(`${where}: ${what} is ${says}, and should be ${should}`);
  const beyond = found.count - found.shown.length;
  if (beyond > 0 || found.more) console.log(`... and ${beyond}${found.more ? " or more" : ""} other differences`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.error(`Checked ${checked.join(", ")} in ${seconds} s: ${verdict(found)}`);
  if (found.count > 0) process.exitCode = 1;
}

/** `--seal HASH` or `--seal FILE`: seals that were kept elsewhere, all that are in the file. */
function readWords(words: string[]): { kept: string[]; settings: string[] } {
  const kept: string[] = [];
  const settings: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [flag, attached] = words[at]!.split(/=(.*)/s, 2);
    if (flag !== "--seal") settings.push(words[at]!);
    else kept.push(...readSeals(attached ?? words[++at] ?? ""));
  }
  return { kept, settings };
}

const largestSeals = 4_000_000;

function readSeals(said: string): string[] {
  const isFile = !/^[0-9a-f]{64}$/i.test(said);
  if (isFile && (!existsSync(said) || statSync(said).size > largestSeals))
    throw new Error(
      `--seal: ${said || "nothing"} is neither the hash of a seal nor a file of at most ${largestSeals} bytes with some`,
    );
  const found = (isFile ? readFileSync(said, "utf8") : said).toLowerCase().match(/\b[0-9a-f]{64}\b/g);
  if (!found) throw new Error(`--seal: there is no seal in ${said}; each has a hash of 64 hexadecimal digits`);
  return found;
}

function verdict({ count, more }: Differences): string {
  if (count === 0) return "everything is as it must be.";
  return more ? `${count} or more differences.` : `${countOf(count, "difference")}.`;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

export interface VerifyOptions {
  /** Differences that are kept to be shown. */
  shown?: number;
  /** Hashes of seals that were kept elsewhere. */
  kept?: readonly string[];
}

/** Checks a database, which a server may have open. Returns what differs, and what was checked, in words. */
export async function verifyBooks(
  databaseUrl: string,
  { shown = mostShown, kept = [] }: VerifyOptions = {},
): Promise<{ found: Differences; checked: string[] }> {
  const engine = await openForVerify(databaseUrl);
  const found = new Differences(shown);
  try {
    return { found, checked: await engine.snapshot((reader) => checkBooks(reader, found, kept)) };
  } finally {
    await engine.close();
  }
}

/** Throws a sentence where there is nothing to check, or its schema is not this program's. */
async function openForVerify(databaseUrl: string): Promise<Engine> {
  const file = sqliteFile(databaseUrl);
  if (file !== undefined && !existsSync(file)) throw new Error(`There is no database at ${file} to check.`);
  await refuseOlder(databaseUrl);
  return openEngine(databaseUrl, { processId: 0, readOnly: true });
}

/** Returns what was checked, in words. */
async function checkBooks(reader: Reader, found: Differences, kept: readonly string[]): Promise<string[]> {
  const progress = createProgress("Checking");
  try {
    const total = await countCalls(reader);
    // The sums are read by the database in one go each; of the bar each has a tenth.
    const whole = total + (checks.length * total) / 10 || 1;
    const calls = await checkCalls(reader, found, kept, (done) => progress.report(done, whole));
    const rows = await checkPriceRows(reader, found);
    for (const [index, check] of checks.entries()) {
      const { differences, more } = await checkSums(reader, check, mostShown);
      differences.forEach(found.add);
      found.more ||= more;
      progress.report(total + ((index + 1) * total) / 10, whole);
    }
    const names = [...new Set(checks.map(({ name }) => name))].join(", ");
    return [...calls, countOf(rows, "price row"), `the sums of every ${names}`];
  } finally {
    progress.clear();
  }
}

async function checkCalls(
  reader: Reader,
  found: Differences,
  kept: readonly string[],
  report: (done: number) => void,
): Promise<string[]> {
  const priced = new Set(prices.map(({ vendor, model }) => `${vendor}/${model}`));
  const checker = new CallChecker((vendor, model) => priced.has(`${vendor}/${model}`));
  const missing = new Set(kept);
  let [done, old] = [0, 0];
  const { sealed, open } = await checkChain(reader, {
    tell: found.add,
    kept: missing,
    onCall(call) {
      if (++done % progressEvery === 0) report(done);
      if (checker.check(call, found.add) === "old") old++;
    },
  });
  for (const hash of missing)
    found.add({
      where: `the seal ${hash}`,
      what: "it",
      says: "not in the chain",
      should: "in it: what it sealed was altered",
    });
  return [
    countOf(sealed + open, "call"),
    ...(old > 0 ? [`${old} of them, written by an older program, by their lines alone`] : []),
    ...(open > 0 ? [`${open} of them not sealed yet`] : []),
    ...(kept.length > 0 ? [`${countOf(kept.length, "seal")} kept elsewhere`] : []),
  ];
}

async function checkPriceRows(reader: Reader, found: Differences): Promise<number> {
  let rows = 0;
  for await (const { key, content } of readPriceRows(reader)) {
    rows++;
    const price = readPriceContent(key, content);
    const mistake = price ? price.mistake : "its content does not read";
    if (mistake !== undefined)
      found.add({
        where: `price row ${key}`,
        what: "content",
        says: printShort(mistake),
        should: "what its key was made from",
      });
  }
  return rows;
}
