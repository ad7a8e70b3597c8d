// The soak: thousands of streams that their clients cut at random moments, then streams, backup, search and deletes at once.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { readAccount } from "./books.ts";
import { bun, root } from "./child.ts";
import { addSession, askStream } from "./clients.ts";
import { questionLength, textOf } from "./conversation.ts";
import { runClosed } from "./load.ts";
import { prefill } from "./prefill.ts";
import { countDescriptors, readTree } from "./process-tree.ts";
import { createRandom } from "./statistics.ts";
import { startOurs, startVendor } from "./targets.ts";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "20" },
  },
});
const streams = Number(values.streams);
const atOnce = 200;
/**
 * RSS may be this much above what it was after the first half of the streams: the heap finds its size only within the first ten
 * thousand (measured: 130 MB after 2,000, 166 after 10,000, 170 after 20,000), and a leak grows as much in the second half.
 */
const rssShare = 1.1;
const spareDescriptors = 20;

const folder = mkdtempSync(join(tmpdir(), "rozmova-soak-"));
const databaseUrl = `sqlite:${join(folder, "rozmova.db")}`;
const random = createRandom(Number(values.seed));
const say = (line: string) => console.error(line);
const problems: string[] = [];

const sessions = await prefill(databaseUrl, { sessions: atOnce * 10, messages: 4 });
const vendor = await startVendor(folder);
const ours = await startOurs({ folder, vendorUrl: vendor.url, databaseUrl, env: { LOG_LEVEL: "warn" } });
const results: Record<string, unknown> = {};
try {
  results.cut = await cutStreams();
  results.together = await everythingAtOnce();
} finally {
  await ours.stop();
  await vendor.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify({ ...results, problems }, null, 1));
process.exit(problems.length === 0 ? 0 : 1);

/** Opens streams and cuts their connections; afterwards nothing of them may be left but what was said and what it cost. */
async function cutStreams() {
  await vendor.answer({ unchecked: true, chunks: 40, chunkChars: 8, delayMs: 3 });
  const warmUp = Math.floor(streams / 2);
  await cutMany(0, warmUp);
  const before = await readQuiet();
  await cutMany(warmUp, streams);
  const after = await readQuiet();
  const account = await readAccount(databaseUrl, vendor);
  if (after.descriptors > before.descriptors + spareDescriptors)
    problems.push(`${after.descriptors} descriptors are open, ${before.descriptors} were after half`);
  if (after.rssBytes > before.rssBytes * rssShare)
    problems.push(`RSS is ${after.rssBytes}, it was ${before.rssBytes} after half`);
  if (account.entries !== account.calls) problems.push(`${account.entries} ledger entries for ${account.calls} calls`);
  if (account.spent !== account.spentBySessions || account.spent !== account.spentByTurns)
    problems.push("the books differ");
  return { streams, afterHalf: before, after, ledgerEntries: account.entries, calls: account.calls };
}

async function cutMany(from: number, to: number): Promise<void> {
  let cut = from;
  const finished = await runClosed(to - from, atOnce, async (at) => {
    await cutOne(sessions[(from + at) % sessions.length]!, from + at);
    if (++cut % Math.ceil(streams / 20) === 0)
      say(`${cut}/${streams} streams cut, RSS ${Math.round(readTree(ours.pid).rssBytes / 1e6)} MB`);
  });
  problems.push(...finished.failures);
}

/** What the server holds once nothing runs: connections to the vendor that wait for more work are among it. */
async function readQuiet(): Promise<{ rssBytes: number; descriptors: number; openStreams: number | null }> {
  await untilQuiet();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { rssBytes } = readTree(ours.pid);
  return { rssBytes, descriptors: countDescriptors(ours.pid), openStreams: await readGauge() };
}

/** A raw connection, so that it can be reset at any byte. Resolves when it is gone; a refused message (the session is busy) is fine. */
function cutOne(session: string, index: number): Promise<void> {
  const { hostname, port } = new URL(ours.url);
  const body = JSON.stringify({ content: textOf(index, questionLength), stream: true });
  const head = `POST /sessions/${session}/messages HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const mostBytes = random() < 0.1 ? 0 : random() * 4_000;
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    let bytes = 0;
    socket.on("connect", () => {
      socket.write(head + body);
      if (mostBytes === 0) setTimeout(() => socket.destroy(), random() * 20);
    });
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes > mostBytes) socket.resetAndDestroy();
    });
    const patience = setTimeout(() => socket.destroy(new Error("a stream neither began nor ended in 30 s")), 30_000);
    socket.on("error", (error) => {
      if (!("code" in error && error.code === "ECONNRESET")) reject(error);
    });
    socket.on("close", () => {
      clearTimeout(patience);
      resolve();
    });
    socket.on("end", () => socket.destroy());
  });
}

/** Streams, a backup after the other, searches, and sessions made and deleted; nothing may hear of a locked database. */
async function everythingAtOnce() {
  await vendor.answer({ unchecked: true, chunks: 50, chunkChars: 8, delayMs: 5 });
  const until = performance.now() + Number(values.seconds) * 1000;
  const own = await Promise.all(Array.from({ length: 64 }, () => addSession(ours.url)));
  const counts = { streams: 0, backups: 0, searches: 0, deletes: 0 };
  const again = async (what: keyof typeof counts, once: () => Promise<void>) => {
    while (performance.now() < until) {
      try {
        await once();
        counts[what]++;
      } catch (cause) {
        if (problems.length < 20) problems.push(`${what}: ${cause instanceof Error ? cause.message : cause}`);
      }
    }
  };
  const expect = async (response: Response, status: number) => {
    const text = await response.text();
    if (response.status !== status) throw new Error(`${response.status}: ${text.slice(0, 300)}`);
  };
  const copy = join(folder, "copy.db");
  await Promise.all([
    ...own.map((session, at) => again("streams", () => askStream(ours.url, [session], 50)(at))),
    again("backups", async () => {
      rmSync(copy, { force: true });
      await promisify(execFile)(bun, [join(root, "src", "cli.ts"), "backup", copy], {
        cwd: folder,
        env: { DATABASE_URL: databaseUrl },
      });
    }),
    again("searches", async () => expect(await fetch(`${ours.url}/sessions?q=process&limit=20`), 200)),
    again("deletes", async () => {
      const session = await addSession(ours.url);
      await expect(await fetch(`${ours.url}/sessions/${session}`, { method: "DELETE" }), 200);
    }),
  ]);
  say(JSON.stringify(counts));
  await untilQuiet();
  const account = await readAccount(databaseUrl, vendor);
  if (account.entries !== account.calls) problems.push(`${account.entries} ledger entries for ${account.calls} calls`);
  if (account.spent !== account.spentBySessions) problems.push("the books differ");
  return { ...counts, copyMb: statSync(copy).size / 1e6 };
}

/** Turns go on without their readers; waits until none runs. */
async function untilQuiet(): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    if ((await readAccount(databaseUrl, vendor)).running === 0) return;
  }
  problems.push("turns were still running a minute after the last reader left");
}

/** What the server itself says of open streams, if it does. */
async function readGauge(): Promise<number | null> {
  const text = await (await fetch(`${ours.url}/metrics`)).text();
  const found = /^rozmova_open_streams (\d+)/m.exec(text);
  return found ? Number(found[1]) : null;
}
