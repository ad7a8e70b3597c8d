// A real Postgres for tests: one server for the whole run, started when first asked for, and an empty database for each call.

import { spawn } from "node:child_process";
import { join } from "node:path";
import pg from "pg";

let server: Promise<string> | undefined;
let databases = 0;

/** Starts the server; resolves to the folder of its socket. It ends with this process, because its input does. */
function startServer(): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "postgres-server.ts")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (!said.endsWith("\n")) return;
      for (const handle of [child, child.stdin, child.stdout])
        if ("unref" in handle && typeof handle.unref === "function") handle.unref();
      resolve(said.trim());
    });
    child
      .on("error", reject)
      .on("exit", (code) => reject(new Error(`the Postgres server for tests did not start (exit status ${code})`)));
  });
}

/** Makes an empty database, or a copy of one that nobody is connected to, and returns its address, `postgres://...`. */
export async function createPostgresDatabase(original?: string): Promise<string> {
  server ??= startServer();
  const folder = await server;
  const name = `test_${++databases}`;
  const client = new pg.Client({ host: folder, user: "postgres", database: "postgres" });
  await client.connect();
  const template = original === undefined ? "" : ` TEMPLATE ${new URL(original).pathname.slice(1)}`;
  await client.query(`CREATE DATABASE ${name}${template}`);
  await client.end();
  return `postgres://postgres@localhost/${name}?host=${encodeURIComponent(folder)}`;
}
