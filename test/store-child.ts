// A process of its own for tests that kill one: `open URL SESSION` opens a turn and waits; `purge URL SESSION` begins to purge it and waits; `import URL FILE` puts a file in and dies when it is there; `write URL` writes until killed; `add URL` also adds up usage all the time.

import { readFileSync, writeSync } from "node:fs";
import { openStore } from "../src/database/open.ts";
import type { Store } from "../src/store.ts";
import { closeInput, entryFor, newSession, openInput } from "./store-inputs.ts";

const [what, url = "", sessionId = ""] = process.argv.slice(2);
const childId = what === "add" ? process.pid : 99;
const writers = 20;

const say = (line: string) => void writeSync(1, `${line}\n`);

/** Turn after turn; says what was acknowledged only after it was. */
async function write(store: Store): Promise<void> {
  const session = await newSession(store);
  while (true) {
    const opened = await store.openTurn(openInput(session.id, { processId: childId }));
    if (opened.kind !== "opened") throw new Error("replayed");
    say(`opened ${opened.turn.id}`);
    const entries = [entryFor(7n)];
    await store.closeTurn(closeInput(opened, entries, { processId: childId, text: `answer to ${opened.turn.id}` }));
    say(`closed ${opened.turn.id}`);
  }
}

const store = await openStore(url, { processId: childId });
if (what === "open") {
  const opened = await store.openTurn(openInput(sessionId, { processId: childId }));
  if (opened.kind === "opened") say(opened.turn.id);
  setInterval(() => {}, 1_000_000);
} else if (what === "purge") {
  const begun = await store.beginPurge({ by: { project: "", keyId: null }, id: sessionId, at: Date.now() });
  if (begun.kind !== "begun") throw new Error(begun.kind);
  await store.purgeSome(begun.row);
  say("begun");
  setInterval(() => {}, 1_000_000);
} else if (what === "import") {
  await store.importSession(
    JSON.parse(readFileSync(sessionId, "utf8"), (name, value) => (name === "total" ? BigInt(value) : value)),
  );
  say("imported");
  process.kill(process.pid, "SIGKILL"); // before anything that follows it
} else if (what === "write") {
  await Promise.all(Array.from({ length: writers }, () => write(store)));
} else if (what === "add") {
  const addUp = async () => {
    while (true) {
      await store.settleUsage();
      await new Promise((resolve) => setImmediate(resolve)); // the writers have their turn
    }
  };
  await Promise.all([addUp(), ...Array.from({ length: writers }, () => write(store))]);
} else if (what === "hold") {
  say("open");
  setInterval(() => {}, 1_000_000);
} else if (what === "try") {
  await newSession(store);
  say("written");
  await store.close();
}
