// Both engines for tests of a whole server: each call makes an empty database and gives its address.

import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPostgresDatabase } from "./postgres.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export async function createSqliteFile(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-engine-"));
  folders.push(folder);
  return `sqlite:${join(folder, "rozmova.db")}`;
}

export const postgresEngine = { name: "Postgres", createDatabase: createPostgresDatabase };

/** For `describe.each(engines)("on %s", (name, createDatabase) => ...)`. */
export const engines: [string, () => Promise<string>][] = [
  ["SQLite", createSqliteFile],
  [postgresEngine.name, postgresEngine.createDatabase],
];
