// Search over titles and messages. The index has a row for each turn that is over, numbered like it, and one for each titled session.
//
// Order of results: sessions whose title matches, the newest session first; then sessions by their newest matching message.
// Both are one descending walk over the index. A page after (or before) a session begins where the walk meets that session,
// so the walk begins at the top again: its cost grows with what was shown before, never with all there is to find.

import { setImmediate } from "node:timers/promises";
import { countPhrases, cutSnippet, parseQuery, type SearchPhrase } from "../../conversation/search-query.ts";
import { notFound } from "../../errors.ts";
import { isId } from "../../id.ts";
import type { FoundSession, Listed, Page, SessionFilter } from "../../store.ts";
import { placeholders } from "../columns.ts";
import { answerIdIn, type MessageIds, questionIdIn } from "../conversation/message-ids.ts";
import { isThere } from "../conversation/siblings.ts";
import { chooseSessions, type SessionRow, sessionColumns, sessionFrom } from "../session.ts";
import type { Reader, Value } from "../tx.ts";
import { type ChosenRow, listChosen, matchChosen } from "./chosen.ts";
import { projectWord, titleBase } from "./search-text.ts";

/** Index rows in the first walk; each next one is twice as long, because finding where to go on costs more the further back it is. */
const firstWalk = 250;
const longestWalk = 16_000;
/** After a walk of so many, what may be shown is gathered, if it is little: where it is much, the walk would have met it. */
const lastUnchosen = 2 * firstWalk;
/**
 * A beginning that more words have is left to the engine. FTS5 reads all that a beginning finds before it gives the newest
 * (2.5 million matches: 52 ms; of the words themselves: 1.6 ms), but a word costs up to 28 us to list and 28 us in each step of the walk.
 */
const mostBegun = 250;

interface Hit {
  sessionId: string;
  /** Undefined: the title matched. */
  turnRow: number | undefined;
}

export async function searchSessions(
  reader: Reader,
  owner: string,
  query: string,
  page: Page & SessionFilter,
): Promise<Listed<FoundSession>> {
  for (const cursor of [page.after, page.before]) if (cursor !== undefined && !isId(cursor)) throw notFound("session");
  const phrases = parseQuery(query);
  if (phrases.length === 0) return { data: [], hasMore: false };
  const begun = await listBegun(reader, phrases.at(-1)!);
  const print = (project?: string) => reader.dialect.printQuery(phrases, project, begun);
  const hits = walkHits(reader, owner, print, page);
  const backwards = page.before !== undefined && page.after === undefined;
  const { data, hasMore } = await (backwards ? takeBefore(hits, page.before!, page.limit) : takeAfter(hits, page));
  return { data: await loadHits(reader, data, phrases), hasMore };
}

/**
 * Whether there are other projects, whose rows are not to be walked over. Where there are none the project's own word is left out: every row has
 * it, and finding those of a rare word among them costs some milliseconds more.
 */
async function hasOthers(reader: Reader, project: string): Promise<boolean> {
  return (await reader.all("SELECT 1 FROM project WHERE id <> $1 LIMIT 1", [project])).length > 0;
}

/**
 * The words of the index that an unfinished word may become; undefined when there are none, too many, or it ends a phrase:
 * words that often stand in the same text and never next to each other would be searched to the end, each on its own.
 */
async function listBegun(reader: Reader, { words, prefix }: SearchPhrase): Promise<string[] | undefined> {
  const sql = reader.dialect.listBegun;
  if (sql === undefined || !prefix || words.length > 1) return undefined;
  const begun = await reader.all<{ word: string }>(sql, [words[0]!, mostBegun + 1]);
  return begun.length > 0 && begun.length <= mostBegun ? begun.map(({ word }) => word) : undefined;
}

async function takeAfter(hits: AsyncIterable<Hit>, { after, before, limit }: Page): Promise<Listed<Hit>> {
  const data: Hit[] = [];
  let begun = after === undefined;
  for await (const hit of hits) {
    if (begun && hit.sessionId === before) return { data, hasMore: false };
    if (begun && data.length === limit) return { data, hasMore: true };
    if (begun) data.push(hit);
    else begun = hit.sessionId === after;
  }
  if (!begun) throw notFound("session");
  return { data, hasMore: false };
}

async function takeBefore(hits: AsyncIterable<Hit>, before: string, limit: number): Promise<Listed<Hit>> {
  const data: Hit[] = [];
  let hasMore = false;
  for await (const hit of hits) {
    if (hit.sessionId === before) return { data, hasMore };
    if (data.push(hit) > limit) hasMore = data.shift() !== undefined;
  }
  throw notFound("session");
}

/**
 * Each session once, in order. Walks a bounded number of index rows at a time and lets others run in between; where many of them match and
 * few may be shown, it goes on among those.
 */
async function* walkHits(
  reader: Reader,
  owner: string,
  print: (project?: string) => string,
  filter: SessionFilter,
): AsyncGenerator<Hit, void, void> {
  const seen = new Set<string>();
  const printed = print((await hasOthers(reader, owner)) ? projectWord(owner) : undefined);
  const hitAt = ({ row, id }: ChosenRow): Hit => {
    seen.add(id);
    return { sessionId: id, turnRow: row < titleBase ? row : undefined };
  };
  let below = Number.MAX_SAFE_INTEGER;
  for (let size = firstWalk; ; size = Math.min(size * 2, longestWalk)) {
    const rows = await walkIndex(reader, [printed, below, owner, size], filter);
    for (const { row, id } of rows) if (id !== null && !seen.has(id)) yield hitAt({ row, id });
    if (rows.length < size) return;
    below = rows.at(-1)!.row;
    const chosen = size === lastUnchosen ? await listChosen(reader, owner, filter, below) : undefined;
    if (chosen) {
      for await (const found of matchChosen(reader, print(), chosen, seen)) if (!seen.has(found.id)) yield hitAt(found);
      return;
    }
    await setImmediate();
  }
}

/**
 * The newest matches below a row, and the session of each where it is to be shown. A row is a title's or a turn's, never
 * both. The row is cast because node:sqlite binds every number as a real: FTS5 goes straight to an integer, while of a real it takes
 * no notice, so that SQLite reads every match above it (2.5 million matches, the walk below the middle: 111 ms, cast 4 ms).
 */
function walkIndex(
  reader: Reader,
  params: Value[],
  filter: SessionFilter,
): Promise<{ row: number; id: string | null }[]> {
  const visible = (session: string) => `${session}.project = $3 AND ${chooseSessions(reader, filter, params, session)}`;
  return reader.all(
    `SELECT f.row AS row, COALESCE(s.id, t.id) AS id
     FROM (SELECT rowid AS row FROM turn_search WHERE ${reader.dialect.searchMatch} AND rowid < CAST($2 AS BIGINT) ORDER BY rowid DESC LIMIT $4) f
     LEFT JOIN turn m ON m.row = f.row AND ${isThere("m")} LEFT JOIN session s ON s.row = m.session AND ${visible("s")}
     LEFT JOIN session t ON t.row = f.row - ${titleBase} AND ${visible("t")} ORDER BY f.row DESC`,
    params,
    "plan anew",
  );
}

async function loadHits(
  reader: Reader,
  hits: readonly Hit[],
  phrases: readonly SearchPhrase[],
): Promise<FoundSession[]> {
  if (hits.length === 0) return [];
  const sessions = await reader.all<SessionRow>(
    `SELECT ${sessionColumns} FROM session WHERE id IN (${placeholders(1, hits.length)})`,
    hits.map((hit) => hit.sessionId),
  );
  const turnRows = hits.flatMap((hit) => hit.turnRow ?? []);
  const turns =
    turnRows.length === 0
      ? []
      : await reader.all<TurnTexts>(
          `SELECT row, id, question_id, answer_id, question, answer FROM turn WHERE row IN (${placeholders(1, turnRows.length)})`,
          turnRows,
        );
  const byId = new Map(sessions.map((row) => [row.id, sessionFrom(row)]));
  const byRow = new Map(turns.map((turn) => [turn.row, turn]));
  return hits.flatMap((hit) => {
    const session = byId.get(hit.sessionId);
    if (!session) return [];
    const turn = hit.turnRow === undefined ? undefined : byRow.get(hit.turnRow);
    const { text, messageId } = turn ? chooseText(turn, phrases) : { text: session.title, messageId: null };
    return { ...session, snippet: text ? cutSnippet(text, phrases) : null, messageId };
  });
}

interface TurnTexts extends MessageIds {
  row: number;
  question: string;
  answer: string;
}

/** The answer, unless the question has more of what was looked for. */
function chooseText(turn: TurnTexts, phrases: readonly SearchPhrase[]) {
  return countPhrases(turn.question, phrases) > countPhrases(turn.answer, phrases)
    ? { text: turn.question, messageId: questionIdIn(turn) }
    : { text: turn.answer, messageId: answerIdIn(turn) };
}
