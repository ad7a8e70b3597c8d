// The same sources on the second runtime: Node starts them as they are, and a user's first minutes work there too.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { collect, newSession, openStream, readHistory, say, textOf } from "./client.ts";
import { startProcess } from "./kill-run.ts";

const root = join(import.meta.dirname, "..");
const node = join(import.meta.dirname, "node_modules", "node", "bin", "node");
let folder: string;
let emulator: Emulator;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "rozmova-node-"));
  emulator = await startEmulator();
});
afterAll(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

test("on Node: start, one turn, one stream, history, page, stop; and again on the same data", async () => {
  const [major, minor] = spawnSync(node, ["--version"]).stdout.toString().slice(1).split(".").map(Number);
  expect(major! * 100 + minor!).toBeGreaterThanOrEqual(2415);
  expect(spawnSync(process.execPath, [join(root, "web", "build.ts")], { cwd: root }).status).toBe(0);
  const env = {
    DATABASE_URL: `sqlite:${join(folder, "rozmova.db")}`,
    GEMINI_API_KEY: "k",
    GEMINI_BASE_URL: emulator.url,
  };
  const command: [string, ...string[]] = [node, join(root, "src", "cli.ts")];

  let server = await startProcess(env, command);
  const session = await newSession(server.url);
  emulator.play({ text: "from Node" }, { text: "streamed from Node", chunks: 4 });
  const turn = await say(server.url, session.id, { content: "hi" });
  expect([turn.status, turn.body.reply.content, turn.body.reply.cost?.accuracy]).toEqual([201, "from Node", "exact"]);
  const events = await collect(await openStream(server.url, session.id, { content: "again" }));
  expect([textOf(events), events.at(-1)?.type]).toEqual(["streamed from Node", "turn-end"]);
  const page = await fetch(server.url);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const history = await readHistory(server.url, session.id);
  expect(history.data).toHaveLength(4);
  expect(await server.kill("SIGTERM")).toBe(0);

  server = await startProcess(env, command);
  expect(await readHistory(server.url, session.id)).toEqual(history);
  expect(await server.kill("SIGTERM")).toBe(0);
}, 180_000);
