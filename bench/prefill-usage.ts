// A year of calls written straight into the tables: what usage is asked of, many users and keys among it.

import { DatabaseSync } from "node:sqlite";
import { openStore } from "../src/database/open.ts";
import { newId } from "../src/id.ts";
import { createRandom } from "./statistics.ts";

export const yearEnd = Date.UTC(2026, 11, 1);
export const yearBegin = Date.UTC(2025, 11, 1);
/** The first has four fifths of all. */
export const projects = ["default", "shop", "lab"];
export const users = 20_000;
export const keys = Array.from({ length: 50 }, () => newId());
const models = ["swift-2", "swift-2-lite", "deep-3", "deep-4", "nano-1"];
const vendors = ["acme", "acme", "acme", "other", "other"];
const turnsInSession = 5;
const rowsInTransaction = 50_000;

export interface Call {
  turn: number;
  session: number;
  at: number;
  project: string;
  user: string | null;
  key: string;
  model: string;
  vendor: string;
  total: bigint;
}

/** The calls in the order of time, one a turn; always the same. */
export function* listCalls(calls: number): Generator<Call> {
  const random = createRandom(1);
  for (let turn = 1; turn <= calls; turn++) {
    const session = Math.ceil(turn / turnsInSession);
    const person = session * 7_919;
    const model = Math.floor(random() ** 2 * models.length);
    yield {
      ...{ turn, session },
      at: yearBegin + Math.floor(((yearEnd - yearBegin) * turn) / (calls + 1)),
      project: projects[session % 10 < 8 ? 0 : (session % 10) - 7]!,
      user: person % 10 === 0 ? null : `user-${person % users}`,
      key: keys[person % keys.length]!,
      ...{ model: models[model]!, vendor: vendors[model]! },
      total: BigInt(100_000_000 + Math.floor(random() * 3_000_000_000)),
    };
  }
}

/** Fills a new SQLite file; the sums are not made yet. */
export async function prefillUsage(file: string, calls: number, say: (line: string) => void): Promise<void> {
  await (await openStore(`sqlite:${file}`, { processId: 1 })).close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  const insert = (table: string, columns: string) =>
    database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.replace(/[^,]+/g, "?")})`);
  const session = insert("session", "row,id,project,params,metadata,message_count,created_at,updated_at,tip_position");
  const turn = insert(
    "turn",
    "row,id,session,branch,position,user_name,status,model_requested,model_served,started_at,ended_at,last_number,process_id,lease_until,settled,key_id,question,answer",
  );
  const entry = insert(
    "ledger",
    "turn,number,purpose,at,vendor,model_requested,model_served,input_tokens,cached_tokens,output_tokens,thinking_tokens,tool_tokens,total_tokens,total_pico,accuracy_rank,balanced,lines,usage_raw,outcome",
  );
  const lines = JSON.stringify([
    ["input_text", 1200, "token", "300000", "360000000"],
    ["output_text", 350, "token", "2500000", "875000000"],
  ]);
  const raw =
    '{"promptTokenCount":1200,"candidatesTokenCount":350,"totalTokenCount":1550,"promptTokensDetails":[{"modality":"TEXT","tokenCount":1200}]}';
  const [question, answer] = ["q".repeat(80), "a".repeat(200)];
  database.exec("BEGIN");
  for (const call of listCalls(calls)) {
    const { turn: row, at, model } = call;
    if (row % turnsInSession === 1)
      session.run(call.session, newId(at), call.project, "{}", "{}", 10, at, at, turnsInSession - 1);
    turn.run(
      ...([row, newId(at), call.session, 0, (row - 1) % turnsInSession, call.user, "complete", model, model] as const),
      ...([at, at + 900, 2, 1, at, 1, call.key, question, answer] as const),
    );
    entry.run(
      ...([row, 1, "chat", at, call.vendor, model, model, 1200, 0, 350, 0, 0, 1550, call.total, 0, 1] as const),
      ...([lines, raw, "finished"] as const),
    );
    if (row % rowsInTransaction === 0) {
      database.exec("COMMIT; BEGIN");
      if (row % (rowsInTransaction * 10) === 0) say(`${row} of ${calls} calls written`);
    }
  }
  database.exec(
    "COMMIT; UPDATE search_mark SET indexed_to = (SELECT MAX(row) FROM turn); PRAGMA wal_checkpoint(TRUNCATE)",
  );
  database.close();
}
