// A large database written straight into the tables, since going through the store's door would take an hour for what is only to be read.

import { DatabaseSync } from "node:sqlite";
import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import { indexedWords, titleRow } from "../src/database/search/search-text.ts";
import { newId } from "../src/id.ts";
import { model } from "./conversation.ts";
import { createRandom } from "./statistics.ts";

export interface Large {
  /** Of the default project, in the order of their making. */
  sessions: string[];
  /** Of all projects. */
  messages: number;
  /** One in a hundred thousand messages has it. */
  rareWord: string;
  /** Every second message has it. */
  commonWord: string;
  ukrainianWord: string;
  /** Two words that follow each other somewhere. */
  phrase: string;
}

const sessionsPerMessage = 1 / 5;
const vocabulary = 30_000;
const syllables = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split(" ");
const ukrainian = "розмова пам'ять відповідь запитання токен ціна хвилина доріжка зошит світло".split(" ");
const rowsInTransaction = 20_000;
/** Projects, and what share of the sessions belongs to each: their rows are mixed, as they would be. */
const shares: [project: string, share: number][] = [
  [defaultProject, 0.6],
  ["large", 0.25],
  ["middle", 0.1],
  ["small", 0.04],
  ["tiny", 0.009],
  ["least", 0.001],
];

/** Two or three turns in each session; words as in a language, a few of them very often. */
export async function prefillLarge(
  file: string,
  messages: number,
  seed: number,
  say: (line: string) => void,
): Promise<Large> {
  await (await openStore(`sqlite:${file}`, { processId: 1 })).close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  const write = prepare(database);
  const random = createRandom(seed);
  const large: Large = { sessions: [], messages: 0, ...wanted };
  const sessions = Math.round(messages * sessionsPerMessage);
  const others = shares.slice(1).map(([project]) => `('${project}', '${project}', 0)`);
  database.exec(`INSERT INTO project (id, name, created_at) VALUES ${others.join(", ")}; BEGIN`);
  for (let at = 0; at < sessions; at++) {
    writeSession(write, large, at, random);
    if (at % rowsInTransaction === 0) {
      database.exec("COMMIT; BEGIN");
      if (at > 0 && at % (rowsInTransaction * 5) === 0) say(`${large.messages} of ${messages} messages written`);
    }
  }
  database.exec(
    "UPDATE search_mark SET indexed_to = (SELECT MAX(row) FROM turn); COMMIT; PRAGMA wal_checkpoint(TRUNCATE)",
  );
  database.close();
  return large;
}

const wanted = { rareWord: "quokkaword", commonWord: "answer", ukrainianWord: "доріжка", phrase: "alpha omega" };

function prepare(database: DatabaseSync) {
  const insert = (table: string, columns: string) =>
    database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.replace(/[^,]+/g, "?")})`);
  return {
    session: insert("session", "row,id,project,title,params,metadata,message_count,created_at,updated_at,tip_position"),
    turn: insert(
      "turn",
      "row,id,session,branch,position,parent,status,model_requested,started_at,ended_at,last_number,process_id,lease_until,settled,question,answer",
    ),
    words: insert("turn_search", "rowid,words"),
  };
}

function writeSession(write: ReturnType<typeof prepare>, large: Large, at: number, random: () => number): void {
  const id = newId();
  const project = drawProject(random());
  const turns = 2 + (at % 2);
  const now = Date.now();
  const title = sentence(random, 4);
  write.session.run(at + 1, id, project, title, "{}", "{}", turns * 2, now, now, turns - 1);
  write.words.run(titleRow(at + 1), indexedWords(project, [title]).join(" "));
  for (let turn = 0; turn < turns; turn++) {
    const row = large.messages / 2 + 1;
    const texts = [8, 20].map((words) => marked(++large.messages, sentence(random, words)));
    const parent = turn === 0 ? null : row - 1;
    const [question, answer] = texts as [string, string];
    write.turn.run(row, newId(), at + 1, 0, turn, parent, "complete", model, now, now, 2, 1, now, 1, question, answer);
    write.words.run(row, indexedWords(project, texts).join(" "));
  }
  if (project === defaultProject) large.sessions.push(id);
}

function drawProject(at: number): string {
  let below = 0;
  for (const [project, share] of shares) {
    below += share;
    if (at < below) return project;
  }
  return defaultProject;
}

/** The words that are searched for, as often as they should be. */
function marked(row: number, text: string): string {
  if (row % 100_000 === 50_000) return `${text} ${wanted.rareWord} ${wanted.commonWord}`;
  if (row % 1_000 === 500)
    return `${text} ${wanted.phrase} ${ukrainian[row % ukrainian.length]} ${wanted.ukrainianWord}`;
  return row % 2 === 0 ? `${text} ${wanted.commonWord}` : text;
}

function sentence(random: () => number, count: number): string {
  let text = "";
  for (let at = 0; at < count; at++) text += `${at === 0 ? "" : " "}${wordOf(Math.floor(vocabulary * random() ** 4))}`;
  return text;
}

const words = new Map<number, string>();
function wordOf(number: number): string {
  let word = words.get(number);
  if (word === undefined) {
    word = "";
    for (let rest = number + 20; rest > 0; rest = Math.floor(rest / syllables.length))
      word += syllables[rest % syllables.length];
    words.set(number, word);
  }
  return word;
}
