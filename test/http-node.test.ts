// The same sources on Node: the server starts there, answers, streams, notices who leaves, and stops.

import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmulator } from "../emulator/emulator.ts";
import {
  collect,
  eventually,
  newSession,
  openEvents,
  openStream,
  readHistory,
  type SeenEvent,
  say,
  textOf,
} from "./client.ts";

const node = join(import.meta.dirname, "node_modules", ".bin", "node");
const program = `
  import { readConfig } from "../src/config.ts";
  import { noLog } from "../src/log.ts";
  import { serve } from "../src/main.ts";
  const server = await serve(readConfig({ flags: [], env: process.env, dotEnv: null }), { log: noLog });
  console.log(server.url);
  process.on("SIGTERM", () => server.stop());
`;

test("a whole conversation on Node", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-node-"));
  const emulator = await startEmulator();
  const env = {
    PATH: process.env.PATH,
    GEMINI_API_KEY: "k",
    GEMINI_BASE_URL: emulator.url,
    PORT: "0",
    DATABASE_URL: `sqlite:${folder}/node.db`,
  };
  const child = spawn(node, ["--input-type=module-typescript", "--eval", program], {
    cwd: import.meta.dirname,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (data) => resolve(String(data).trim()));
      child.once("exit", () => reject(new Error("Node ended before the server began")));
    });
    const { id } = await newSession(url);
    emulator.play(
      { text: "as JSON" },
      { text: "as a stream, in pieces", chunks: 5, delayMs: 5 },
      { text: "without you", chunks: 10, delayMs: 5 },
    );
    expect((await say(url, id, { content: "one" })).body.reply.content).toBe("as JSON");
    expect(textOf(await collect(await openStream(url, id, { content: "two" })))).toBe("as a stream, in pieces");
    const left = await openStream(url, id, { content: "three" });
    const start = (await left.next()).value as SeenEvent;
    await left.return();
    expect(textOf(await collect(await openEvents(url, start.data.turn_id as string)))).toBe("without you");
    const history = await eventually(
      () => readHistory(url, id),
      ({ session }) => session.running_turn_id === null,
    );
    expect(history.data.map(({ status }) => status)).toEqual(Array(6).fill("complete"));
    for (const path of ["/docs", "/openapi.json", "/readyz"]) expect((await fetch(`${url}${path}`)).status).toBe(200);
    expect(
      (await fetch(`${url}/sessions`, { method: "POST", headers: { "content-type": "application/json" }, body: "{" }))
        .status,
    ).toBe(400);
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
  } finally {
    child.kill("SIGKILL");
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);
