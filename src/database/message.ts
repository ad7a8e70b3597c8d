// Messages as they are read: a turn's row gives its question and its answer. On a path of messages they stand at twice the turn's
// place, and one behind.

import type { Message } from "../conversation/message.ts";
import type { PastTurn } from "../conversation/path.ts";
import { notFound } from "../errors.ts";
import { answerIdOf, isId, turnIdOf } from "../id.ts";
import type { Listed, MessagePlace, Page, Stretch } from "../store.ts";
import { costFrom, type OutcomeRow, usageColumns, usageFrom } from "./columns.ts";
import { answerIdIn, type MessageIds, questionIdIn } from "./conversation/message-ids.ts";
import { isThere, listSiblings, noTurnSiblings, type TurnSiblings } from "./conversation/siblings.ts";
import { cutSegments, isOnPath, listSegments, type Segment } from "./path.ts";
import type { Reader } from "./tx.ts";

/** Of a history that is streamed, so much is in memory at a time, one turn excepted that is longer. */
const turnsPerChunk = 100;
const chunkBytes = 256 * 1024;
/** A page of messages ends early where it would bring more text than this; what is left follows on the next one. */
const pageBytes = 2 * 1024 * 1024;

/** Of `turn t LEFT JOIN turn p`, which is what its turn follows. */
export const messageColumns = `t.row, t.id, t.question_id, t.answer_id, t.parent, p.id AS parent_turn_id, p.answer_id AS parent_answer_id, t.status,
  t.started_at, t.question, t.answer, t.thought, t.model_requested, t.model_served, t.error_code, t.error_detail, t.finish_reason, t.notices,
  ${usageColumns.replace(/\w+/g, "t.$&")}, CAST(t.cost_pico AS TEXT) AS cost_pico, t.accuracy_rank`;
const messageTables = "turn t LEFT JOIN turn p ON p.row = t.parent";

/** A row of `messageColumns`. */
export interface MessagesRow extends OutcomeRow {
  parent_turn_id: string | null;
  parent_answer_id: string | null;
  question: string;
  answer: string;
  thought: string | null;
}

function messagesFrom(
  row: MessagesRow,
  sessionId: string,
  siblings: TurnSiblings,
): [question: Message, answer: Message] {
  const { id: turnId, parent_turn_id: before, started_at: createdAt } = row;
  const common = { sessionId, turnId, createdAt };
  const question: Message = {
    ...common,
    id: questionIdIn(row),
    parentId: row.parent_answer_id ?? (before === null ? null : answerIdOf(before)),
    role: "user",
    content: row.question,
    thought: null,
    status: "complete",
    finishReason: null,
    notices: [],
    model: null,
    usage: null,
    cost: null,
    error: null,
    siblings: siblings.question,
  };
  const answer: Message = {
    ...common,
    id: answerIdIn(row),
    parentId: question.id,
    role: "assistant",
    content: row.answer,
    thought: row.thought,
    status: row.status,
    finishReason: row.finish_reason,
    notices: row.notices === null ? [] : JSON.parse(row.notices),
    model: row.model_served ?? row.model_requested,
    usage: usageFrom(row),
    cost: costFrom(row),
    error: row.error_code === null ? null : { code: row.error_code, detail: row.error_detail ?? "" },
    siblings: siblings.answer,
  };
  return [question, answer];
}

interface TurnMessagesRow extends MessagesRow {
  session_id: string;
  session: number;
  position: number;
  branch_count: number;
}

export async function findTurnMessages(reader: Reader, owner: string, turnId: string) {
  const [row] = await reader.all<TurnMessagesRow>(
    `SELECT ${messageColumns}, s.id AS session_id, t.session, t.position, s.branch_count FROM ${messageTables} JOIN session s ON s.row = t.session AND s.project = $2 AND s.purged_at IS NULL WHERE t.id = $1 AND ${isThere("t")}`,
    [turnId, owner],
  );
  if (!row) return undefined;
  const siblings =
    row.branch_count > 1 ? await listSiblings(reader, row.session, row.position, row.position) : undefined;
  const [userMessage, reply] = messagesFrom(row, row.session_id, siblings?.get(row.row) ?? noTurnSiblings);
  return { userMessage, reply };
}

/** The place of a message of the caller's session; of one that was deleted where it is asked for. */
export async function findPlaceOf(
  reader: Reader,
  owner: string,
  sessionId: string,
  messageId: string,
  which?: "removed too",
): Promise<MessagePlace | undefined> {
  if (!isId(messageId)) return undefined;
  const rows = await reader.all<MessageIds & { row: number; branch: number; position: number }>(
    `SELECT t.row, t.id, t.question_id, t.answer_id, t.branch, t.position
     FROM (SELECT row FROM turn WHERE id = $1 UNION SELECT row FROM turn WHERE question_id = $2 UNION SELECT row FROM turn WHERE answer_id = $2) f
     JOIN turn t ON t.row = f.row JOIN session s ON s.row = t.session WHERE s.id = $3 AND s.project = $4 AND s.purged_at IS NULL
       ${which ? "" : `AND ${isThere("t")}`}`,
    [turnIdOf(messageId), messageId, sessionId, owner],
  );
  for (const row of rows) {
    const { row: turnRow, branch, position } = row;
    if (questionIdIn(row) === messageId) return { turnRow, branch, position, role: "user" };
    if (answerIdIn(row) === messageId) return { turnRow, branch, position, role: "assistant" };
  }
  return undefined;
}

export interface Path {
  session: number;
  segments: Segment[];
  /** The last message's place: twice its turn's position, and one more for an answer; -1 in an empty session. */
  last: number;
  /** Whether the session has other branches. */
  isBranched: boolean;
}

/** The path to a message of the caller's session; without one, to the newest of its current branch. Throws not_found. */
export async function getPath(reader: Reader, owner: string, sessionId: string, to?: string): Promise<Path> {
  const [row] = await reader.all<{ row: number; tip_branch: number; tip_position: number; branch_count: number }>(
    "SELECT row, tip_branch, tip_position, branch_count FROM session WHERE id = $1 AND project = $2 AND purged_at IS NULL",
    [sessionId, owner],
  );
  if (!row) throw notFound("session");
  const place = to === undefined ? undefined : await findPlaceOf(reader, owner, sessionId, to);
  if (to !== undefined && !place) throw notFound("message");
  const { branch, position } = place ?? { branch: row.tip_branch, position: row.tip_position };
  const segments = await listSegments(reader, row.row, branch, position);
  const last = place ? placeOnPath(place) : row.tip_position * 2 + 1;
  return { session: row.row, segments, last, isBranched: row.branch_count > 1 };
}

function placeOnPath({ position, role }: MessagePlace): number {
  return position * 2 + (role === "user" ? 0 : 1);
}

/** Throws not_found for a message that does not stand on the path. */
async function getPosition(reader: Reader, owner: string, sessionId: string, path: Path, id: string): Promise<number> {
  const place = await findPlaceOf(reader, owner, sessionId, id);
  if (!place || !isOnPath(path.segments, place.branch, place.position)) throw notFound("message");
  return placeOnPath(place);
}

export async function listMessages(
  reader: Reader,
  owner: string,
  sessionId: string,
  page: Page & { order: "asc" | "desc"; tip?: string | undefined },
): Promise<Listed<Message>> {
  const path = await getPath(reader, owner, sessionId, page.tip);
  const [first, last] = page.order === "asc" ? [page.after, page.before] : [page.before, page.after];
  const low = first === undefined ? 0 : (await getPosition(reader, owner, sessionId, path, first)) + 1;
  const high = last === undefined ? path.last : (await getPosition(reader, owner, sessionId, path, last)) - 1;
  // A page lies at the cursor; without one, where the order begins.
  const fromEnd = (page.after === undefined && page.before !== undefined) !== (page.order === "desc");
  const asked = fromEnd
    ? { start: Math.max(low, high - page.limit + 1), end: high }
    : { start: low, end: Math.min(high, low + page.limit - 1) };
  const { start, end } = await fitRange(reader, path, asked, fromEnd, pageBytes);
  const data = await readRange(reader, sessionId, path, start, end);
  return { data: page.order === "desc" ? data.reverse() : data, hasMore: start > low || end < high };
}

/** As the path was when it was asked for: what is added meanwhile does not appear. */
export async function* readHistory(
  reader: Reader,
  owner: string,
  sessionId: string,
  tip?: string,
): AsyncGenerator<Message[], void, void> {
  const path = await getPath(reader, owner, sessionId, tip);
  for (let start = 0; start <= path.last; ) {
    const most = Math.min(path.last, start + turnsPerChunk * 2 - 1);
    const { end } = await fitRange(reader, path, { start, end: most }, false, chunkBytes);
    yield await readRange(reader, sessionId, path, start, end);
    start = end + 1;
  }
}

interface Range {
  start: number;
  end: number;
}

/** As many whole turns of a range as `mostBytes` of text allow, at least one: from its end, or from its beginning. Lengths are known without reading the texts. */
async function fitRange(
  reader: Reader,
  { session, segments }: Path,
  { start, end }: Range,
  fromEnd: boolean,
  mostBytes: number,
): Promise<Range> {
  const [low, high] = [Math.floor(start / 2), Math.floor(end / 2)];
  if (low >= high) return { start, end };
  const sizes: { position: number; bytes: number }[] = [];
  for (const part of cutSegments(segments, low, high))
    sizes.push(
      ...(await reader.all<{ position: number; bytes: number }>(
        `SELECT position, OCTET_LENGTH(question) + OCTET_LENGTH(answer) + COALESCE(OCTET_LENGTH(thought), 0) AS bytes
         FROM turn WHERE session = $1 AND branch = $2 AND position BETWEEN $3 AND $4 ORDER BY position`,
        [session, part.branch, part.low, part.high],
      )),
    );
  if (fromEnd) sizes.reverse();
  let total = 0;
  const beyond = sizes.findIndex(({ bytes }, index) => {
    total += Number(bytes);
    return total > mostBytes && index > 0;
  });
  const last = sizes[beyond - 1]?.position;
  if (last === undefined) return { start, end };
  return fromEnd ? { start: Math.max(start, last * 2), end } : { start, end: Math.min(end, last * 2 + 1) };
}

/** The messages from place `start` to place `end`, both included. */
async function readRange(
  reader: Reader,
  sessionId: string,
  { session, segments, isBranched }: Path,
  start: number,
  end: number,
): Promise<Message[]> {
  if (start > end) return [];
  const [low, high] = [Math.floor(start / 2), Math.floor(end / 2)];
  const siblings = isBranched ? await listSiblings(reader, session, low, high) : undefined;
  const messages: Message[] = [];
  for (const part of cutSegments(segments, low, high)) {
    const rows = await reader.all<MessagesRow>(
      `SELECT ${messageColumns} FROM ${messageTables}
       WHERE t.session = $1 AND t.branch = $2 AND t.position BETWEEN $3 AND $4 ORDER BY t.position`,
      [session, part.branch, part.low, part.high],
    );
    for (const row of rows) messages.push(...messagesFrom(row, sessionId, siblings?.get(row.row) ?? noTurnSiblings));
  }
  return messages.slice(start - low * 2, end - low * 2 + 1);
}

export async function readMemory(reader: Reader, { session, branch, position, from }: Stretch): Promise<PastTurn[]> {
  const memory: PastTurn[] = [];
  for (const part of cutSegments(await listSegments(reader, session, branch, position - 1), from, position - 1)) {
    const turns = await reader.all<PastTurn>(
      `SELECT position, question, answer, status, finish_reason AS "finishReason", vendor_parts AS "vendorParts", model_served AS "modelServed"
       FROM turn WHERE session = $1 AND branch = $2 AND position BETWEEN $3 AND $4 ORDER BY position`,
      [session, part.branch, part.low, part.high],
    );
    for (const turn of turns) memory.push(turn);
  }
  return memory;
}
