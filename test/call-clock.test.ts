// Many calls share one timer: each still ends by its own deadline, for its own reason, and no other call's.

import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { type Deadlines, Line } from "../src/providers/call-clock.ts";

const far: Deadlines = { firstByteMs: 60_000, idleMs: 60_000, totalMs: 600_000 };

/** A line that waits for something, and a promise of how long after the start its deadline passed. */
function start(deadlines: Partial<Deadlines>, waitsFor?: "first-byte" | "idle") {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<number>();
  const line = new Line({ ...far, ...deadlines }, new AbortController().signal);
  line.whenCut(() => resolve(performance.now() - startedAt));
  if (waitsFor) line.startWaiting(waitsFor);
  return { line, passed: promise };
}

test("each call ends by its own deadline, the shorter before the longer, whichever began first", async () => {
  const patient = start({});
  const [long, short] = [start({ totalMs: 90 }), start({ idleMs: 15 }, "idle")];
  const [first, other] = [start({ firstByteMs: 45 }, "first-byte"), start({ idleMs: 15, totalMs: 70 })];
  const order: string[] = [];
  const note = async (name: string, { passed }: { passed: Promise<number> }, ms: number) => {
    expect(await passed).toBeGreaterThanOrEqual(ms - 1);
    order.push(name);
  };
  await Promise.all([
    note("long", long, 90),
    note("short", short, 15),
    note("first", first, 45),
    note("other", other, 70),
  ]);
  expect(order).toEqual(["short", "first", "other", "long"]);
  const reasons = [long, short, first, other, patient].map(({ line }) => line.expired);
  expect(reasons).toEqual(["total", "idle", "first-byte", "total", null]);
  for (const { line } of [patient, long, short, first, other]) line.close();
});

test("a call that was closed ends no more, and those beside it still do", async () => {
  const [closed, open] = [start({ totalMs: 20 }), start({ totalMs: 30 })];
  closed.line.close();
  await open.passed;
  open.line.close();
  expect(closed.line.expired).toBeNull();
  const next = start({ totalMs: 15 });
  expect(await next.passed).toBeGreaterThanOrEqual(14);
  next.line.close();
});

test("a line is cut by its caller or by a deadline, tells it once, and is cut by nobody once closed", async () => {
  const caller = new AbortController();
  const [line, closed] = [new Line(far, caller.signal), new Line(far, caller.signal)];
  const told: string[] = [];
  line.whenCut(() => told.push("replaced"));
  line.whenCut(() => told.push("line"));
  closed.whenCut(() => told.push("closed"));
  closed.close();
  caller.abort("gone");
  line.cut();
  expect(told).toEqual(["line"]);
  expect([line.isCut, closed.isCut]).toEqual([true, false]);
  line.whenCut(() => told.push("at once"));
  expect(told).toEqual(["line", "at once"]);
  line.close();
  const late = new Line({ ...far, totalMs: 15 }, new AbortController().signal);
  await new Promise<void>((resolve) => late.whenCut(resolve));
  expect(late.expired).toBe("total");
  late.close();
});

test("a pause of the process longer than a deadline ends no call whose vendor has gone on speaking, and ends the silent ones", async () => {
  const startedAt = performance.now();
  const [speaking, silent] = [start({ idleMs: 100 }, "idle"), start({ idleMs: 100 }, "idle")];
  const server = createServer((socket) => void socket.write("words")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("data", () => speaking.line.startWaiting("idle"));
  const paused = new Promise((resolve) => setImmediate(resolve));
  await paused;
  while (performance.now() - startedAt < 400); // the whole process stands still, and the words lie in the socket
  expect(await silent.passed).toBeGreaterThanOrEqual(100);
  expect(speaking.line.expired).toBeNull();
  expect(await speaking.passed).toBeGreaterThanOrEqual(450);
  for (const { line } of [speaking, silent]) line.close();
  socket.destroy();
  server.close();
});
