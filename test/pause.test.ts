// A server that stands still for longer than the vendor may be silent (a stopped container, a machine that sleeps) goes on with its answers.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmulator } from "../emulator/emulator.ts";
import { eventually, newSession, readReceipt, say } from "./client.ts";
import { startProcess } from "./kill-run.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-pause-"));
const emulator = await startEmulator();
afterAll(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

test("an answer whose bytes are waiting when the process goes on is not given up", async () => {
  const server = await startProcess({
    GEMINI_API_KEY: "k",
    GEMINI_BASE_URL: emulator.url,
    DATABASE_URL: `sqlite:${join(folder, "rozmova.db")}`,
    PROVIDER_IDLE_MS: "500",
  });
  try {
    const { id } = await newSession(server.url);
    emulator.play({ text: "one two three four five six", chunks: 6, delayMs: 100 });
    const saying = say(server.url, id, { content: "count" });
    await eventually(
      async () => emulator.generateCalls()[0]?.usage ?? null,
      (usage) => usage !== null,
    );
    server.child.kill("SIGSTOP");
    const stoppedAt = performance.now();
    await emulator.idle(); // the whole answer has been sent
    await eventually(
      async () => performance.now() - stoppedAt,
      (ms) => ms > 1_200,
    );
    server.child.kill("SIGCONT");
    const { status, body } = await saying;
    expect([status, body.turn.status, body.reply.content]).toEqual([201, "complete", "one two three four five six"]);
    expect((await readReceipt(server.url, body.turn.id)).accuracy).toBe("exact");
  } finally {
    await server.kill("SIGKILL");
  }
}, 180_000);
