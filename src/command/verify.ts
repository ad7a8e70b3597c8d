// `rozmova verify`: every receipt and every sum derived again from what the vendors sent, and held against what is booked.

import { existsSync } from "node:fs";
import { loadConfig } from "../config.ts";
import type { Engine } from "../database/engine.ts";
import { inspectDatabase, sqliteFile } from "../database/inspect.ts";
import { checkSums, sumChecks } from "../database/money/sum-check.ts";
import { countCalls, readCalls, readPriceRows } from "../database/money/verify-read.ts";
import { openEngine } from "../database/open.ts";
import type { Reader } from "../database/tx.ts";
import { CallChecker, type Difference, printShort } from "../money/verify/compare.ts";
import { readPriceContent } from "../money/verify/price-content.ts";
import { prices } from "../providers/index.ts";
import { createProgress } from "./progress.ts";

/** Each difference is a line on stdout, at most so many; the rest is counted. */
const mostShown = 100;
const progressEvery = 5_000;

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
export async function runVerify(flags: string[]): Promise<void> {
  const { databaseUrl } = loadConfig(flags);
  const begun = performance.now();
  const { found, checked } = await verifyBooks(databaseUrl);
  for (const { where, what, says, should } of found.shown)
    console.log(`${where}: ${what} is ${says}, and should be ${should}`);
  const beyond = found.count - found.shown.length;
  if (beyond > 0 || found.more) console.log(`... and ${beyond}${found.more ? " or more" : ""} other differences`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.error(`Checked ${checked.join(", ")} in ${seconds} s: ${verdict(found)}`);
  if (found.count > 0) process.exitCode = 1;
}

function verdict({ count, more }: Differences): string {
  if (count === 0) return "everything is as it must be.";
  return more ? `${count} or more differences.` : `${countOf(count, "difference")}.`;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** Checks a database, which a server may have open. Returns what differs, and what was checked, in words. */
export async function verifyBooks(
  databaseUrl: string,
  shown = mostShown,
): Promise<{ found: Differences; checked: string[] }> {
  const engine = await openForVerify(databaseUrl);
  const found = new Differences(shown);
  try {
    return { found, checked: await engine.snapshot((reader) => checkBooks(reader, found)) };
  } finally {
    await engine.close();
  }
}

/** Throws a sentence where there is nothing to check, or its schema is not this program's. */
async function openForVerify(databaseUrl: string): Promise<Engine> {
  const file = sqliteFile(databaseUrl);
  if (file !== undefined && !existsSync(file)) throw new Error(`There is no database at ${file} to check.`);
  const { schemaVersion, newestVersion } = await inspectDatabase(databaseUrl);
  if (schemaVersion !== newestVersion)
    throw new Error(
      `The database has schema version ${schemaVersion}, and this program checks version ${newestVersion}: start the server once, which brings it up to date.`,
    );
  return openEngine(databaseUrl, { processId: 0, readOnly: true });
}

/** Returns what was checked, in words. */
async function checkBooks(reader: Reader, found: Differences): Promise<string[]> {
  const progress = createProgress("Checking");
  try {
    const total = await countCalls(reader);
    // The sums are read by the database in one go each; of the bar each has a tenth.
    const whole = total + (sumChecks.length * total) / 10 || 1;
    const { calls, old } = await checkCalls(reader, found, (done) => progress.report(done, whole));
    const rows = await checkPriceRows(reader, found);
    for (const [index, check] of sumChecks.entries()) {
      const { differences, more } = await checkSums(reader, check, mostShown);
      differences.forEach(found.add);
      found.more ||= more;
      progress.report(total + ((index + 1) * total) / 10, whole);
    }
    const names = sumChecks.map(({ name }) => name).join(", ");
    const note = old > 0 ? [`${old} of them, written by an older program, by their lines alone`] : [];
    return [countOf(calls, "call"), ...note, countOf(rows, "price row"), `the sums of every ${names}`];
  } finally {
    progress.clear();
  }
}

async function checkCalls(reader: Reader, found: Differences, report: (done: number) => void) {
  const priced = new Set(prices.map(({ vendor, model }) => `${vendor}/${model}`));
  const checker = new CallChecker((vendor, model) => priced.has(`${vendor}/${model}`));
  let [calls, old] = [0, 0];
  for await (const call of readCalls(reader)) {
    calls++;
    if (calls % progressEvery === 0) report(calls);
    if ("why" in call) {
      const where = `call ${call.turnRow}/${call.number}`;
      found.add({ where, what: "the row", says: call.why, should: "what can be read" });
    } else if (checker.check(call, found.add) === "old") old++;
  }
  return { calls, old };
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
