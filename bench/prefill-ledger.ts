// Books of a million calls, written straight into the tables, each as the booking itself would have booked it.

import { DatabaseSync } from "node:sqlite";
import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import { newId } from "../src/id.ts";
import { accuracies, type LedgerEntry } from "../src/money/ledger.ts";
import { createPriceBook } from "../src/money/price.ts";
import { bookCall } from "../src/money/receipt.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { prices } from "../src/providers/index.ts";
import { createRandom } from "./statistics.ts";

const turnsInSession = 10;
const kinds = 500;
const rowsInTransaction = 20_000;
const counts = ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens`);
const question = "What is the capital of Ukraine, and how far is it from the sea?";
const answer = "Kyiv, some 440 kilometres from the Black Sea at Odesa. ".repeat(5);

/** One call in ten broke, one in ten was not counted; the rest are exact, with something cached, thought and heard. */
function bookSome(random: () => number): LedgerEntry[] {
  const book = createPriceBook(prices);
  const at = Date.parse("2026-11-23T12:00:00Z");
  const upTo = (most: number) => Math.floor(random() * most);
  return Array.from({ length: kinds }, (_, kind) => {
    const [prompt, output, thinking] = [1_000 + upTo(250_000), upTo(2_000), upTo(1_000)];
    const usage = {
      ...{ promptTokenCount: prompt, candidatesTokenCount: output, thoughtsTokenCount: thinking },
      ...{ totalTokenCount: prompt + output + thinking, cachedContentTokenCount: upTo(900) },
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: prompt - 50 },
        { modality: "AUDIO", tokenCount: 50 },
      ],
    };
    const usageRaw = kind % 10 === 0 ? null : JSON.stringify(usage);
    const modelRequested = kind % 2 ? "gemini-2.5-flash" : "gemini-2.5-pro";
    return bookCall({
      ...{ attempt: 1, at, vendor: "gemini", modelRequested },
      ...{ modelServed: null, usageRaw, meter: usageRaw === null ? null : readGeminiUsage(usageRaw), counted: null },
      price: book.find("gemini", modelRequested, at),
      outcome: kind % 10 === 1 ? "broken" : "finished",
      ...{ promptEstimate: 1_200, textEstimate: 500, thoughtEstimate: 100, errorCode: null },
    });
  });
}

/** Makes a SQLite database with that many calls, each the only one of its turn. */
export async function prefillLedger(file: string, calls: number, seed: number): Promise<void> {
  await (await openStore(`sqlite:${file}`, { processId: 1 })).close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  const insert = (table: string, columns: string) =>
    database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.replace(/[^,]+/g, "?")})`);
  const sums = `${counts.join(",")},cost_pico,accuracy_rank`;
  const session = insert(
    "session",
    `row,id,project,title,params,metadata,message_count,created_at,updated_at,tip_position,${sums}`,
  );
  const turn = insert(
    "turn",
    `row,id,session,branch,position,parent,status,model_requested,started_at,ended_at,last_number,process_id,lease_until,settled,question,answer,${sums}`,
  );
  const call = insert(
    "ledger",
    `turn,number,purpose,at,vendor,model_requested,price,${counts.join(",")},total_pico,accuracy_rank,balanced,lines,usage_raw,counted,outcome`,
  );
  const entries = bookSome(createRandom(seed));
  const priceRows = keepPrices(database, entries);
  const packed = entries.map(pack);
  database.exec("BEGIN");
  for (let row = 1; row <= calls; row++) {
    const { entry, usage, lines, counted } = packed[(row * 7) % kinds]!;
    const rank = accuracies.indexOf(entry.accuracy);
    const place = (row - 1) % turnsInSession;
    turn.run(
      ...[row, newId(), Math.ceil(row / turnsInSession), 0, place, place === 0 ? null : row - 1, "complete"],
      ...[entry.modelRequested, entry.at, entry.at, 2, 1, 0, 1, question, answer, ...usage, entry.total, rank],
    );
    call.run(
      ...[row, 1, "chat", entry.at, entry.vendor, entry.modelRequested, priceRows.get(entry.price!.key)!, ...usage],
      ...[entry.total, rank, entry.balanced ? 1 : 0, lines, entry.usageRaw, counted, entry.outcome],
    );
    if (place === turnsInSession - 1) {
      const last = Array.from({ length: turnsInSession }, (_, back) => packed[((row - back) * 7) % kinds]!);
      const ofAll = counts.map((_, index) => last.reduce((sum, one) => sum + one.usage[index]!, 0));
      const cost = last.reduce((sum, one) => sum + one.entry.total!, 0n);
      const worst = Math.max(...last.map((one) => accuracies.indexOf(one.entry.accuracy)));
      session.run(
        ...[row / turnsInSession, newId(), defaultProject, "Prefilled", "{}", "{}", 2 * turnsInSession, 0, 0],
        ...[turnsInSession - 1, ...ofAll, cost, worst],
      );
    }
    if (row % rowsInTransaction === 0) database.exec("COMMIT; BEGIN");
  }
  database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

function keepPrices(database: DatabaseSync, entries: readonly LedgerEntry[]): Map<string, number> {
  const rows = new Map<string, number>();
  for (const { price } of entries) {
    if (!price || rows.has(price.key)) continue;
    rows.set(price.key, rows.size + 1);
    database
      .prepare("INSERT INTO price (row, key, content) VALUES (?, ?, ?)")
      .run(rows.size, price.key, JSON.stringify(price));
  }
  return rows;
}

function pack(entry: LedgerEntry) {
  const { usage, lines, counted } = entry;
  const u = usage!;
  const packedLines = lines.map((line) => [line.item, line.quantity, line.unit, `${line.unitPrice}`, `${line.amount}`]);
  return {
    entry,
    usage: [u.inputTokens, u.cachedTokens, u.outputTokens, u.thinkingTokens, u.toolTokens, u.totalTokens],
    lines: JSON.stringify(packedLines),
    counted: counted && JSON.stringify(counted),
  };
}
