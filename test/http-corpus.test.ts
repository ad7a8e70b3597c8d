// Our client and Node's own read the same hard answers alike, whole and byte by byte; where ours does otherwise, it is written why.

import { afterAll, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createPost } from "../src/providers/http/client.ts";
import { corpus, type HardAnswer } from "./fixtures/http/corpus.ts";
import { closeRaw, listen, node, noProxies } from "./raw-server.ts";

interface Reading {
  status: number;
  header: string;
  body: string;
  whole: boolean;
  /** Whether the next request came over the same connection. */
  reused: boolean;
}

/** Answers request `/3` with the third answer of the corpus; notes whether `/3/again` came over the same connection. */
async function serveCorpus(byByte: boolean) {
  const reused = new Set<number>();
  const firsts = new Map<number, Socket>();
  const serve = (socket: Socket) => {
    socket.setNoDelay(true).on("error", () => {});
    let text = "";
    socket.on("data", async (bytes: Buffer) => {
      text += bytes.toString("latin1");
      if (!text.endsWith("{}")) return;
      const [, index = "", again] = /^POST \/(\d+)(\/again)? /.exec(text) ?? [];
      text = "";
      const at = Number(index);
      if (again !== undefined) {
        if (firsts.get(at) === socket) reused.add(at);
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
      }
      firsts.set(at, socket);
      const { bytes: answer, closes } = corpus[at]!;
      await write(socket, Buffer.from(answer), byByte && answer.length < 1_000);
      if (closes) socket.end();
    });
  };
  return { port: await listen(createServer(serve)), reused };
}

async function write(socket: Socket, bytes: Buffer, byByte: boolean): Promise<void> {
  if (!byByte) return void socket.write(bytes);
  for (let at = 0; at < bytes.length; at++) {
    socket.write(bytes.subarray(at, at + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function readWithOurs(port: number, index: number): Promise<Omit<Reading, "reused">> {
  const post = createPost(`http://127.0.0.1:${port}`, {}, noProxies);
  const exchange = post(`/${index}`, ["{}"]);
  const reading = { status: 0, header: "", body: "", whole: false };
  try {
    await exchange.open();
    reading.status = exchange.status;
    reading.header = exchange.header("x-test");
    for (let bytes = await exchange.read(); bytes !== null; bytes = await exchange.read())
      reading.body += Buffer.from(bytes).toString("latin1");
    reading.whole = true;
  } catch {
    exchange.cancel();
  }
  await new Promise((resolve) => setImmediate(resolve));
  const again = post(`/${index}/again`, ["{}"]);
  await again
    .open()
    .then(() => again.read())
    .catch(() => {});
  return reading;
}

async function readAllWithOurs(byByte: boolean): Promise<Reading[]> {
  const { port, reused } = await serveCorpus(byByte);
  const readings: Reading[] = [];
  for (const index of corpus.keys()) readings.push({ ...(await readWithOurs(port, index)), reused: reused.has(index) });
  return readings;
}

async function readAllWithNode(): Promise<Reading[]> {
  const { port, reused } = await serveCorpus(false);
  const script = join(import.meta.dirname, "fixtures", "http", "read-with-node.mjs");
  const child = Bun.spawn([node, script, String(port), String(corpus.length)], { stdout: "pipe" });
  const readings = JSON.parse(await new Response(child.stdout).text()) as Omit<Reading, "reused">[];
  return readings.map((reading, index) => ({ ...reading, reused: reused.has(index) }));
}

/** Header values are read in small letters; what stands in the body of an answer that broke off is as far as each got. */
const comparable = ({ status, header, body, whole, reused }: Reading) =>
  whole ? { status, header: header.toLowerCase(), body, whole, reused } : { whole, reused };

afterAll(closeRaw);

test("ours reads every hard answer as Node does, or otherwise for a reason, and the same however it is cut", async () => {
  const nodes = await readAllWithNode();
  const ours = await readAllWithOurs(false);
  const cut = await readAllWithOurs(true);
  const wrong: object[] = [];
  for (const [index, { name, differs }] of corpus.entries() as IterableIterator<[number, HardAnswer]>) {
    const [a, b, c] = [ours, nodes, cut].map((readings) => comparable(readings[index]!));
    const same = Bun.deepEquals(a, b);
    if (same !== (differs === undefined)) wrong.push({ name, differs, ours: a, node: b });
    // Bytes too many that come one by one may come after the next request has gone out: nobody can know then.
    if (!Bun.deepEquals({ ...a, reused: null }, { ...c, reused: null })) wrong.push({ name, ours: a, cut: c });
  }
  expect(wrong).toEqual([]);
  expect(nodes).toHaveLength(corpus.length);
}, 180_000);
