// `rozmova import FILE`: lines of JSON as `rozmova export` writes them, each a session, put back.

import { randomInt } from "node:crypto";
import { createReadStream } from "node:fs";
import { commandCaller } from "../caller/caller.ts";
import { defaultProject, projectPattern } from "../caller/project.ts";
import { loadConfig } from "../config.ts";
import { openStore } from "../database/open.ts";
import { AppError, type FieldError } from "../errors.ts";
import { readIssues, sayIssue } from "../http/field-errors.ts";
import { Tidier } from "../http/json-body.ts";
import { mostImportValues } from "../http/native/transfer/import.ts";
import { importSchema, readImport } from "../http/native/transfer/import-wire.ts";
import { createProvider } from "../providers/index.ts";
import type { Store } from "../store.ts";
import { readCommandWords } from "./words.ts";

const usage = "rozmova import FILE [--project P] [--copy]      (FILE: - is stdin)";

/** Of so many lines it is said why they were not imported. */
const mostSaid = 20;

interface Counts {
  imported: number;
  known: number;
  failed: number;
}

/**
 * Exit status 1 if any line could not be imported; the others are. Of SQLite the server must be stopped: beside a running one there is
 * `POST /sessions/import`.
 */
export async function runImport(words: string[]): Promise<void> {
  const { own, switches, names, settings } = readCommandWords(words, { own: ["--project"], switches: ["--copy"] });
  const [file] = names;
  const project = own.get("--project");
  if (file === undefined || names.length > 1) throw new Error(usage);
  if (project !== undefined && !projectPattern.test(project))
    throw new Error("--project: small letters, digits, - and _");
  const { databaseUrl, maxImportBytes } = loadConfig(settings);
  const store = await openStore(databaseUrl, { processId: randomInt(1, 2 ** 31 - 1) });
  const counts: Counts = { imported: 0, known: 0, failed: 0 };
  try {
    const line = new LineImport(store, project, switches.has("--copy"), counts);
    let number = 0;
    for await (const text of readLines(file, maxImportBytes)) await line.take(text, ++number);
    // What was said can be found from now on, and not only after the server's next start.
    await store.searchSessions(project ?? defaultProject, "a", { limit: 1, deleted: false });
  } finally {
    await store.close();
  }
  const known = counts.known > 0 ? `, ${counts.known} were here already` : "";
  console.error(`Imported ${counts.imported}${known}${counts.failed > 0 ? `, ${counts.failed} could not be` : ""}.`);
  if (counts.failed > 0) process.exitCode = 1;
}

class LineImport {
  private readonly store: Store;
  private readonly project: string | undefined;
  private readonly copy: boolean;
  private readonly counts: Counts;
  private readonly provider = createProvider({ apiKey: "none", findModel: () => undefined, now: Date.now });
  private readonly made = new Set<string>();

  constructor(store: Store, project: string | undefined, copy: boolean, counts: Counts) {
    this.store = store;
    this.project = project;
    this.copy = copy;
    this.counts = counts;
  }

  async take(line: Buffer | undefined, number: number): Promise<void> {
    if (line?.length === 0) return;
    try {
      if (line === undefined) throw new Error("is longer than MAX_IMPORT_BYTES");
      const json = readJson(line);
      const read = readImport(importSchema.parse(json, { error: sayIssue }), this.provider.acceptsParts);
      const owner = await this.findProject(json);
      const session = await this.store.importSession({
        ...read,
        owner,
        seesUser: null,
        copy: this.copy,
        at: Date.now(),
      });
      this.counts.imported++;
      console.log(session.id);
    } catch (cause) {
      if (cause instanceof AppError && cause.code === "storage_unavailable") throw cause;
      if (cause instanceof AppError && typeof cause.members?.session_id === "string") this.counts.known++;
      else this.counts.failed++;
      const said = this.counts.known + this.counts.failed;
      if (said <= mostSaid) console.error(`line ${number}: ${explain(cause)}`);
      else if (said === mostSaid + 1) console.error("and more, which are only counted");
    }
  }

  /** Where the file says it was, unless the command says otherwise. */
  private async findProject(json: unknown): Promise<string> {
    const named = (json as { project?: unknown }).project;
    const project = this.project ?? (typeof named === "string" ? named : defaultProject);
    if (!projectPattern.test(project)) throw new Error("its project has no name that a project may have");
    if (this.made.has(project)) return project;
    const made = { id: project, name: project, disabled: false, createdAt: Date.now() };
    if (await this.store.createProject(commandCaller, made)) console.error(`Made the project ${project}.`);
    this.made.add(project);
    return project;
  }
}

/** As a request's body is read: no text that storage could not keep, and a limit to everything. */
function readJson(line: Buffer): unknown {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    throw new Error("is no JSON, or not in UTF-8; a line is a whole session, as `rozmova export` writes it");
  }
  const tidier = new Tidier(mostImportValues);
  const tidied = tidier.tidy(json);
  if (tidier.errors.length > 0) throw new AppError("invalid_request", say(tidier.errors));
  return tidied;
}

function explain(cause: unknown): string {
  if (cause instanceof AppError) return cause.message;
  const issues = (cause as { issues?: Parameters<typeof readIssues>[0] }).issues;
  if (issues) return say(readIssues(issues));
  return cause instanceof Error ? cause.message : String(cause);
}

function say(errors: readonly FieldError[]): string {
  return errors
    .slice(0, 3)
    .map(({ pointer, detail }) => `${pointer || "it"} ${detail}`)
    .join("; ");
}

const newline = 10;

/** Each line, or undefined for one that is longer than `mostBytes`: of such a one nothing is kept. */
async function* readLines(file: string, mostBytes: number): AsyncGenerator<Buffer | undefined, void, void> {
  let kept: Buffer[] = [];
  let bytes = 0;
  const end = () => {
    const line = bytes > mostBytes ? undefined : Buffer.concat(kept);
    kept = [];
    bytes = 0;
    return line;
  };
  const keep = (part: Buffer) => {
    bytes += part.length;
    if (bytes <= mostBytes) kept.push(part);
    else kept = [];
  };
  const stream: AsyncIterable<Buffer> = file === "-" ? process.stdin : createReadStream(file);
  for await (let chunk of stream) {
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline)) {
      keep(chunk.subarray(0, at));
      yield end();
      chunk = chunk.subarray(at + 1);
    }
    keep(chunk);
  }
  if (bytes > 0) yield end();
}
