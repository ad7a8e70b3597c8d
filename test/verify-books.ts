// Books with every kind of call in them, made by the booking itself, and a way to alter them behind its back.

import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { openEngine } from "../src/database/open.ts";
import { accuracies, type LedgerEntry, sumCost, sumUsage } from "../src/money/ledger.ts";
import type { BookedCall } from "../src/money/verify/derive.ts";
import type { Store } from "../src/store.ts";
import { asUnknown } from "../src/turn/close.ts";
import { book, prose } from "./book-call.ts";
import { closeInput, newSession, open } from "./store-inputs.ts";

const project = "default";
const audio = { modality: "AUDIO", tokenCount: 300 };
const full = {
  ...{ promptTokenCount: 1_000, cachedContentTokenCount: 400, candidatesTokenCount: 50, thoughtsTokenCount: 25 },
  ...{ toolUsePromptTokenCount: 9, totalTokenCount: 1_084 },
  ...{
    promptTokensDetails: [audio, { modality: "TEXT", tokenCount: 700 }],
    cacheTokensDetails: [{ ...audio, tokenCount: 100 }],
  },
};
const plain = { promptTokenCount: 100, candidatesTokenCount: 5, totalTokenCount: 105 };
const large = { promptTokenCount: 200_001, candidatesTokenCount: 5, totalTokenCount: 200_006 };
const web = { search: { prompts: 1, queries: 2 }, maps: { prompts: 1 } };
const november = Date.parse("2026-11-23T12:00:00Z");

/** By what they are; each turn's calls. */
export const turns: Record<string, LedgerEntry[]> = {
  full: [book({ usage: full })],
  flex: [book({ usage: { ...full, serviceTier: "flex" } })],
  unpricedTier: [book({ usage: { ...plain, serviceTier: "priority" } })],
  large: [book({ usage: large, modelRequested: "gemini-2.5-pro" })],
  searched: [book({ usage: plain, counted: web })],
  searchedByQuery: [book({ usage: plain, counted: web, modelRequested: "gemini-3.8-flash" })],
  served: [book({ usage: plain, modelRequested: "gemini-3.5-flash", modelServed: "gemini-3.6-flash" })],
  broken: [book({ usage: plain, outcome: "broken", text: prose(900), thought: prose(90) })],
  unbalanced: [book({ usage: { ...plain, totalTokenCount: 140 } })],
  noPrompt: [book({ usage: { candidatesTokenCount: 5, totalTokenCount: 5 }, text: prose(5) })],
  estimated: [book({ text: prose(30), thought: prose(9) })],
  unanswered: [book({ outcome: "broken", errorCode: "provider_timeout" })],
  nothing: [book({ raw: "[]", text: prose(3) })],
  unread: [book({ raw: '{"promptTokenCount":1e300,"candidatesTokenCount":-1,"totalTokenCount":0.5}', text: prose(3) })],
  unknown: [book({ usage: plain, modelRequested: "gemini-9-oganesson" })],
  unknownEstimate: [book({ text: prose(30), modelRequested: "gemini-9-oganesson" })],
  unbillable: [asUnknown(book({ usage: plain }))],
  tried: [
    book({ outcome: "refused", errorCode: "provider_unavailable" }),
    book({ outcome: "broken", attempt: 2, errorCode: "provider_timeout" }),
    book({ usage: plain, attempt: 3 }),
  ],
  strange: [
    book({
      raw: `{\r\n\t"promptTokenCount": 100, "x": "'/\u007f\u2028\u0451😀\\u0001"}`,
      modelServed: 'a\u0001\b\f\u001f"\\',
      text: prose(3),
    }),
  ],
  none: [],
};

/** Makes a turn of each kind, in two sessions; returns the turns' ids. */
export async function keepBooks(store: Store, kinds = Object.keys(turns)): Promise<string[]> {
  const ids: string[] = [];
  const sessions = [await newSession(store, {}, project), await newSession(store, {}, project)];
  for (const [index, kind] of kinds.entries()) {
    const entries = turns[kind]!;
    const opened = await open(store, sessions[index % 2]!.id, { owner: project, at: november });
    const change = { owner: project, usage: sumUsage(entries), cost: sumCost(entries) };
    await store.closeTurn(closeInput(opened, entries, change));
    ids.push(opened.turn.id);
  }
  return ids;
}

/** Runs SQL of both engines in the database itself, as somebody would who means no good. */
export async function alter(url: string, ...statements: string[]): Promise<void> {
  if (url.startsWith("sqlite:")) {
    const database = new DatabaseSync(url.slice("sqlite:".length));
    for (const statement of statements) database.exec(statement);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** The ids of all sessions, in the order of their making. */
export async function readSessions(url: string): Promise<string[]> {
  const engine = await openEngine(url, { processId: 0, readOnly: true });
  const rows = await engine.durable.all<{ id: string }>("SELECT id FROM session ORDER BY row");
  await engine.close();
  return rows.map(({ id }) => id);
}

/** A booked call as its row in the ledger. */
export function storedAs(entry: LedgerEntry): BookedCall {
  const { usage, lines, price, total, outcome, errorCode, usageRaw, counted } = entry;
  const packed = lines.map((line) => [line.item, line.quantity, line.unit, `${line.unitPrice}`, `${line.amount}`]);
  return {
    ...{ turnRow: 1, turn: "t", number: 1, purpose: "chat", at: entry.at, vendor: entry.vendor },
    ...{ modelRequested: entry.modelRequested, modelServed: entry.modelServed, outcome, errorCode, usageRaw },
    price: price && { key: price.key, content: JSON.stringify(price) },
    usage: usage
      ? [
          ...[usage.inputTokens, usage.cachedTokens, usage.outputTokens],
          ...[usage.thinkingTokens, usage.toolTokens, usage.totalTokens],
        ]
      : [null, null, null, null, null, null],
    ...{ total: total === null ? null : `${total}`, accuracy: accuracies.indexOf(entry.accuracy) },
    ...{ balanced: entry.balanced ? 1 : 0, lines: JSON.stringify(packed), counted: counted && JSON.stringify(counted) },
  };
}
