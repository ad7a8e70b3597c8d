// What erasing takes on a large SQLite file, and how long others wait meanwhile: npx bun bench/purge.ts [messages].

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultProject } from "../src/caller/project.ts";
import { Eraser } from "../src/conversation/eraser.ts";
import { openStore } from "../src/database/open.ts";
import { newId } from "../src/id.ts";
import type { Log } from "../src/log.ts";
import { prefillLarge } from "./prefill-large.ts";

const messages = Number(process.argv[2] ?? 500_000);
const say = (line: string) => console.log(line);
const folder = mkdtempSync(join(tmpdir(), "rozmova-purge-"));
const file = join(folder, "rozmova.db");
const { sessions } = await prefillLarge(file, messages, 7, say);
const database = new DatabaseSync(file);
// Half of all belongs to one person; one session has a word that nothing else has.
database.exec(`UPDATE session SET user_name = 'anna' WHERE row % 2 = 0;
  UPDATE turn SET user_name = 'anna' WHERE session % 2 = 0;
  UPDATE turn SET question = 'zirconiferous ' || question WHERE session = 1 AND position = 0`);
database.close();
say(`${messages} messages in ${sessions.length} sessions: ${Math.round(statSync(file).size / 1e6)} MB`);

let scrubbed = Promise.withResolvers<number>();
const info = (fields: { ms?: number }, sentence: string) => {
  if (sentence.startsWith("erased words have left")) scrubbed.resolve(fields.ms ?? 0);
};
const log: Log = { debug() {}, info, warn: (_, sentence) => say(sentence), error: (_, sentence) => say(sentence) };
const store = await openStore(`sqlite:${file}`, { processId: 1, log });
const eraser = new Eraser({
  ...{ store, log, now: Date.now, trashMs: null, shared: false, times: { sweepMs: 1e9, forgetMs: 1e9 } },
  memories: { forget() {}, listKept: () => [] },
  endTurn: async () => {},
});
const by = { project: defaultProject, keyId: null };

/** Somebody else makes sessions meanwhile, one after the other. */
async function measure(what: string, work: () => Promise<unknown>): Promise<void> {
  scrubbed = Promise.withResolvers<number>();
  const waits: number[] = [];
  let over = false;
  const others = (async () => {
    while (!over) {
      const at = performance.now();
      const fields = { title: null, model: null, system: null, params: {}, metadata: {} };
      await store.createSession(defaultProject, newId(), fields, Date.now());
      waits.push(performance.now() - at);
      await sleep(2);
    }
  })();
  const at = performance.now();
  await work();
  const workMs = performance.now() - at;
  const scrubMs = await scrubbed.promise;
  over = true;
  await others;
  waits.sort((a, b) => a - b);
  const share = (part: number) => waits[Math.floor((waits.length - 1) * part)]!.toFixed(1);
  say(
    `${what}: ${Math.round(workMs)} ms, out of the files after ${Math.round(scrubMs)} ms more or less; ` +
      `another's write waits ${share(0.5)} ms, 99 %: ${share(0.99)}, at most ${share(1)}; CPU ${Math.round(process.cpuUsage().user / 1000)} ms so far`,
  );
}

await measure("one session", () => eraser.purge(by, sessions[0]!));
say(`its word is ${readFileSync(file).includes("irconiferous") ? "still there" : "gone"} from the file`);
await measure("another one", () => eraser.purge(by, sessions[2]!));
await measure("a person with half of all", () => eraser.erasePerson(by, "anna"));
say(`${Math.round(statSync(file).size / 1e6)} MB`);
await store.close();
rmSync(folder, { recursive: true });
