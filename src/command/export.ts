// `rozmova export`: sessions as lines of JSON, each what `GET /sessions/{id}/export` answers with.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { loadConfig } from "../config.ts";
import { refuseOlder } from "../database/inspect.ts";
import { openStore } from "../database/open.ts";
import { printExport } from "../http/native/transfer/export-wire.ts";
import type { Store } from "../store.ts";
import { readCommandWords } from "./words.ts";

const usage = "rozmova export [--project P] [--user U] [--session ID] [--trash] [--out FILE]";
const pageSize = 100;

interface Wanted {
  project: string | undefined;
  user: string | undefined;
  session: string | undefined;
  trash: boolean;
}

/** A server may be running. On stdout, or in a file that gets its name when it is whole. */
export async function runExport(words: string[]): Promise<void> {
  const { own, switches, names, settings } = readCommandWords(words, {
    own: ["--project", "--user", "--session", "--out"],
    switches: ["--trash"],
  });
  if (names.length > 0) throw new Error(usage);
  const { databaseUrl } = loadConfig(settings);
  const wanted = {
    project: own.get("--project"),
    user: own.get("--user"),
    session: own.get("--session")?.toLowerCase(),
    trash: switches.has("--trash"),
  };
  await refuseOlder(databaseUrl);
  const store = await openStore(databaseUrl, { processId: 0, readOnly: true });
  try {
    const file = own.get("--out");
    const count = await (file === undefined ? writeOut(store, wanted) : writeFile(store, wanted, resolve(file)));
    if (count === 0 && wanted.session !== undefined) throw new Error(`There is no session ${wanted.session}.`);
    console.error(`Exported ${count} ${count === 1 ? "session" : "sessions"}.`);
  } finally {
    await store.close();
  }
}

async function writeOut(store: Store, wanted: Wanted): Promise<number> {
  return writeSessions(store, wanted, writeToStdout);
}

/** Not by the runtime's stream, which writes for ever to a reader that has gone (seen with Bun 1.4.5: `rozmova export | head`). */
async function writeToStdout(text: string): Promise<void> {
  for (let bytes = Buffer.from(text); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(process.stdout.fd, bytes));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "EPIPE") throw new Error("Whoever read the export has stopped reading; it is not whole.");
      if (code !== "EAGAIN") throw cause;
      await new Promise((resolve) => setTimeout(resolve, 5)); // a slow reader's pipe is full
    }
  }
}

async function writeFile(store: Store, wanted: Wanted, file: string): Promise<number> {
  if (existsSync(file)) throw new Error(`${file} exists already; give another name or remove it first.`);
  const partial = `${file}.partial`;
  const handle = openSync(partial, "w", 0o600);
  try {
    const count = await writeSessions(store, wanted, async (text) => {
      for (let bytes = Buffer.from(text); bytes.length > 0; ) bytes = bytes.subarray(writeSync(handle, bytes));
    });
    fsyncSync(handle);
    renameSync(partial, file);
    return count;
  } finally {
    closeSync(handle);
    rmSync(partial, { force: true });
  }
}

async function writeSessions(store: Store, wanted: Wanted, write: (text: string) => Promise<void>): Promise<number> {
  let count = 0;
  for await (const { project, id } of listWanted(store, wanted)) {
    const exported = await store.exportSession(project, id);
    if (!exported) continue; // purged since it was listed
    for await (const text of printExport(exported, Date.now(), { project })) await write(text);
    await write("\n");
    count++;
  }
  return count;
}

async function* listWanted(store: Store, { project, user, session, trash }: Wanted) {
  for (const name of project === undefined ? await listProjects(store) : [project]) {
    if (session !== undefined) {
      if (await store.findSession(name, session)) yield { project: name, id: session };
      continue;
    }
    for (const deleted of trash ? [false, true] : [false])
      for (let after: string | undefined; ; ) {
        const page = await store.listSessions(name, { limit: pageSize, after, deleted, user, order: "created" });
        for (const { id } of page.data) yield { project: name, id };
        if (!page.hasMore) break;
        after = page.data.at(-1)!.id;
      }
  }
}

async function listProjects(store: Store): Promise<string[]> {
  const names: string[] = [];
  for (let after: string | undefined; ; ) {
    const { data, hasMore } = await store.listProjects({ limit: pageSize, after });
    names.push(...data.map(({ id }) => id));
    if (!hasMore) return names;
    after = data.at(-1)!.id;
  }
}
