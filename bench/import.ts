// What a large import takes on SQLite, and how long others wait meanwhile: `npx bun bench/import.ts [MB] [turns]`. A real server, in demo mode.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exampleExport } from "../src/http/native/transfer/export-wire.ts";
import { newId } from "../src/id.ts";
import { bun, root, startChild } from "./child.ts";

const megabytes = Number(process.argv[2] ?? 32);
const turns = Number(process.argv[3] ?? 10_000);
const folder = mkdtempSync(join(tmpdir(), "rozmova-import-"));
const server = await startChild({
  command: [bun, join(root, "src", "cli.ts")],
  folder,
  env: { PORT: "0", DATABASE_URL: `sqlite:${join(folder, "rozmova.db")}`, MAX_IMPORT_BYTES: "33554432" },
});
const post = (path: string, body: string) =>
  fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body });

let over = false;
const waits: number[] = [];
const others = (async () => {
  while (!over) {
    const at = performance.now();
    const made = await post("/sessions", "{}");
    await made.text();
    waits.push(performance.now() - at);
    await sleep(2);
  }
})();
await sleep(500);
const file = makeFile();
const calm = waits.splice(0);
const at = performance.now();
const answer = await post("/sessions/import", file);
const body = (await answer.json()) as { message_count: number };
const tookMs = performance.now() - at;
const meanwhile = waits.splice(0);
await sleep(3_000);
over = true;
await others;
const show = (some: number[]) => {
  const sorted = some.toSorted((a, b) => a - b);
  const part = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]?.toFixed(1);
  return `${part(0.5)} ms, at most ${sorted
    .slice(-4)
    .map((one) => one.toFixed(0))
    .join(", ")}`;
};
console.log(
  `${(Buffer.byteLength(file) / 1e6).toFixed(1)} MB, ${turns} turns: ${answer.status}, ${body.message_count} messages, ${tookMs.toFixed(0)} ms`,
);
console.log(`another's write waits ${show(calm)}; while it is imported ${show(meanwhile)}; behind it ${show(waits)}`);
await server.stop();
rmSync(folder, { recursive: true });

function makeFile(): string {
  const [example] = exampleExport.turns;
  const text = "Що таке борщ? What goes into it, and why. ".repeat(Math.ceil((megabytes * 1e6) / turns / 2 / 65));
  let parent: string | null = null;
  const all = Array.from({ length: turns }, () => {
    const one = {
      ...example!,
      id: newId(),
      parent_id: parent,
      question: { id: newId(), content: text },
      answer: { ...example!.answer, id: newId(), content: text },
    };
    parent = one.answer.id;
    return one;
  });
  return JSON.stringify({
    ...exampleExport,
    session: { ...exampleExport.session, id: newId() },
    tip: null,
    turns: all,
  });
}
