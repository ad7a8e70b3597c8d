// Messages: the path to the newest one in pages and in full, and what the model is shown of it.

import type { Message } from "../conversation/message.ts";
import type { ErrorCode } from "../errors.ts";
import { notFound } from "../errors.ts";
import { isId } from "../id.ts";
import type { Listed, MemoryRow, Page } from "../store.ts";
import type { TurnStatus } from "../turn/turn.ts";
import { type CostRow, costFrom, type UsageRow, usageFrom } from "./columns.ts";
import { cutSegments, isOnPath, listSegments, type Segment } from "./path.ts";
import type { Reader } from "./tx.ts";

const messagesPerChunk = 200;

/** What the reply says of its cost is its turn's: one source of truth. */
const messageColumns = `m.id, m.session_id, m.parent_id, m.turn_id, m.role, m.content, m.thought, m.status, m.created_at,
  t.model_requested, t.model_served, t.error_code, t.error_detail, t.input_tokens, t.cached_tokens, t.output_tokens,
  t.thinking_tokens, t.tool_tokens, t.total_tokens, CAST(t.cost_pico AS TEXT) AS cost_pico, t.accuracy_rank`;
const messageTables = "message m LEFT JOIN turn t ON t.id = m.turn_id AND m.role = 'assistant'";

interface MessageRow extends UsageRow, CostRow {
  id: string;
  session_id: string;
  parent_id: string | null;
  turn_id: string;
  role: Message["role"];
  content: string;
  thought: string | null;
  status: TurnStatus;
  created_at: number;
  model_requested: string | null;
  model_served: string | null;
  error_code: ErrorCode | null;
  error_detail: string | null;
}

function messageFrom(row: MessageRow): Message {
  return {
    id: row.id,
    sessionId: row.session_id,
    parentId: row.parent_id,
    turnId: row.turn_id,
    role: row.role,
    content: row.content,
    thought: row.thought,
    status: row.status,
    model: row.model_served ?? row.model_requested,
    usage: usageFrom(row),
    cost: costFrom(row),
    error: row.error_code === null ? null : { code: row.error_code, detail: row.error_detail ?? "" },
    createdAt: row.created_at,
  };
}

export async function findTurnMessages(reader: Reader, owner: string, turnId: string) {
  const rows = await reader.all<MessageRow>(
    `SELECT ${messageColumns} FROM turn o JOIN message m ON m.id IN (o.user_message_id, o.reply_message_id)
     LEFT JOIN turn t ON t.id = m.turn_id AND m.role = 'assistant' WHERE o.id = $1 AND o.owner = $2`,
    [turnId, owner],
  );
  const user = rows.find((row) => row.role === "user");
  const reply = rows.find((row) => row.role === "assistant");
  return user && reply ? { userMessage: messageFrom(user), reply: messageFrom(reply) } : undefined;
}

interface Path {
  segments: Segment[];
  tip: number;
}

/** The path to the newest message of the caller's session. Throws not_found. */
async function getPath(reader: Reader, owner: string, sessionId: string): Promise<Path> {
  const [row] = await reader.all<{ tip_branch: number; tip_position: number }>(
    "SELECT tip_branch, tip_position FROM session WHERE id = $1 AND owner = $2",
    [sessionId, owner],
  );
  if (!row) throw notFound("session");
  return { segments: await listSegments(reader, sessionId, row.tip_branch, row.tip_position), tip: row.tip_position };
}

async function getPosition(reader: Reader, sessionId: string, segments: Segment[], id: string): Promise<number> {
  const rows = isId(id)
    ? await reader.all<{ branch: number; position: number }>(
        "SELECT branch, position FROM message WHERE id = $1 AND session_id = $2",
        [id, sessionId],
      )
    : [];
  const place = rows[0];
  if (!place || !isOnPath(segments, place.branch, place.position)) throw notFound("message");
  return place.position;
}

export async function listMessages(
  reader: Reader,
  owner: string,
  sessionId: string,
  page: Page & { order: "asc" | "desc" },
): Promise<Listed<Message>> {
  const { segments, tip } = await getPath(reader, owner, sessionId);
  const [first, last] = page.order === "asc" ? [page.after, page.before] : [page.before, page.after];
  const low = first === undefined ? 0 : (await getPosition(reader, sessionId, segments, first)) + 1;
  const high = last === undefined ? tip : (await getPosition(reader, sessionId, segments, last)) - 1;
  // A page lies at the cursor; without one, where the order begins.
  const fromEnd = (page.after === undefined && page.before !== undefined) !== (page.order === "desc");
  const start = fromEnd ? Math.max(low, high - page.limit + 1) : low;
  const end = fromEnd ? high : Math.min(high, low + page.limit - 1);
  const data = await readRange(reader, sessionId, segments, start, end);
  return { data: page.order === "desc" ? data.reverse() : data, hasMore: start > low || end < high };
}

/** As the path was when it was asked for: what is added meanwhile does not appear. */
export async function* readHistory(
  reader: Reader,
  owner: string,
  sessionId: string,
): AsyncGenerator<Message[], void, void> {
  const { segments, tip } = await getPath(reader, owner, sessionId);
  for (let low = 0; low <= tip; low += messagesPerChunk) {
    yield await readRange(reader, sessionId, segments, low, Math.min(tip, low + messagesPerChunk - 1));
  }
}

async function readRange(
  reader: Reader,
  sessionId: string,
  segments: Segment[],
  low: number,
  high: number,
): Promise<Message[]> {
  const messages: Message[] = [];
  for (const part of cutSegments(segments, low, high)) {
    const rows = await reader.all<MessageRow>(
      `SELECT ${messageColumns} FROM ${messageTables}
       WHERE m.session_id = $1 AND m.branch = $2 AND m.position BETWEEN $3 AND $4 ORDER BY m.position`,
      [sessionId, part.branch, part.low, part.high],
    );
    for (const row of rows) messages.push(messageFrom(row));
  }
  return messages;
}

interface MemoryDbRow {
  position: number;
  role: MemoryRow["role"];
  status: TurnStatus;
  content: string;
  vendor_parts: string | null;
  model_served: string | null;
}

export async function readMemory(
  reader: Reader,
  sessionId: string,
  branch: number,
  position: number,
  from: number,
): Promise<MemoryRow[]> {
  const memory: MemoryRow[] = [];
  for (const part of cutSegments(await listSegments(reader, sessionId, branch, position - 1), from, position - 1)) {
    const rows = await reader.all<MemoryDbRow>(
      // The model matters only where something is to be sent back to it: the turn is looked at for those rows alone.
      `SELECT position, role, status, content, vendor_parts,
         CASE WHEN vendor_parts IS NULL THEN NULL ELSE (SELECT t.model_served FROM turn t WHERE t.id = turn_id) END AS model_served
       FROM message WHERE session_id = $1 AND branch = $2 AND position BETWEEN $3 AND $4 ORDER BY position`,
      [sessionId, part.branch, part.low, part.high],
    );
    for (const row of rows)
      memory.push({
        position: row.position,
        role: row.role,
        status: row.status,
        content: row.content,
        vendorParts: row.vendor_parts,
        modelServed: row.model_served,
      });
  }
  return memory;
}
