// A call costs what it cost at the moment it was made, whenever its turn is closed, and whoever closes it.

import { afterEach, describe, expect, test } from "bun:test";
import { Memories } from "../src/conversation/memories.ts";
import { createCatalogue } from "../src/model/model.ts";
import { createPriceBook } from "../src/money/price.ts";
import { createProvider, models, prices } from "../src/providers/index.ts";
import { createBooks } from "../src/turn/books.ts";
import { createModelChooser } from "../src/turn/model-choice.ts";
import { Recovery } from "../src/turn/recover.ts";
import { eventually, newSession, openStream, type ReceiptBody, readReceipt, type SeenEvent, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { newSession as newStoreSession, open, processId } from "./store-inputs.ts";
import { openTestStore, storeEngines } from "./stores.ts";

/** Its price doubles with the new year. */
const model = "gemini-3.6-flash";
const lastYear = Date.parse("2026-12-31T23:59:59Z");
const newYear = Date.parse("2027-01-01T00:00:00Z");
const usageRaw = '{"promptTokenCount":1000,"candidatesTokenCount":100,"totalTokenCount":1100}';
/** 1000 x 0.75 + 100 x 3.75 USD for a million, in picodollars. */
const oldPrice = 1_125_000_000n;

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

test("a call made on the last day of a price, answered on the first day of the next, costs the old price", async () => {
  let time = lastYear;
  server = await startHttp({ now: () => time });
  const { id } = await newSession(server.url, { model });
  server.emulator.play({ fault: "slow-first-byte", firstByteMs: 100 });
  const saying = say(server.url, id, { content: "happy new year" });
  await eventually(
    async () => server!.emulator.callCount,
    (count) => count === 1,
  );
  time = newYear;
  const { body } = await saying;
  const receipt = (await readReceipt(server.url, body.turn.id)) as ReceiptBody & {
    at: string;
    price: { effective_from: string };
  };
  expect([receipt.at, receipt.price.effective_from.slice(0, 4)]).toEqual(["2026-12-31T23:59:59.000Z", "2026"]);
  const next = await say(server.url, id, { content: "and now?" });
  const later = (await readReceipt(server.url, next.body.turn.id)) as typeof receipt;
  expect([later.at, later.price.effective_from]).toEqual(["2027-01-01T00:00:00.000Z", "2027-01-01"]);
});

test("a second call is written down before it is sent, with what came of the first", async () => {
  server = await startHttp({ now: () => newYear, providerMs: 20_000 });
  const { id } = await newSession(server.url, { model });
  server.emulator.play({ fault: "overloaded-503" }, { fault: "no-headers" });
  const stream = await openStream(server.url, id, { content: "hi" });
  const turnId = ((await stream.next()).value as SeenEvent).data.turn_id as string;
  await eventually(
    async () => server!.emulator.callCount,
    (count) => count === 2,
  );
  const { calls } = await server.store.readDeadTurn(turnId);
  expect(calls?.map(({ at, status, errorCode }) => [at, status, errorCode])).toEqual([
    [newYear, 503, "provider_unavailable"],
    [newYear, null, null],
  ]);
  await stream.return();
});

/** What a successor books of a turn whose process is gone. */
async function recover(url: string, turnId: string) {
  const successor = processId + 1;
  const store = await openTestStore(url, { processId: successor });
  const now = () => newYear;
  const log = { debug() {}, info() {}, warn() {}, error: console.error };
  const provider = createProvider({ apiKey: "k", now });
  const catalogue = createCatalogue(models);
  const chooser = createModelChooser(catalogue, model, null, log, now);
  const books = createBooks(provider, createPriceBook(prices), catalogue, false, now);
  const memories = new Memories(store, provider.printTurn, 0);
  const tools = { store, memories, provider, chooser, books, log, now, processId: successor };
  const recovery = new Recovery({ ...tools, readOnMs: 0, usageEveryMs: 1_000 }, 10, () => []);
  expect(await eventually(() => recovery.run(), Boolean)).toBe(1);
  const found = { entries: await store.listEntries("", turnId), turn: (await store.findTurn("", turnId))! };
  await store.close();
  return found;
}

describe.each(storeEngines)("on %s", (_, openFixture) => {
  const events = ["Happy"];

  test("a call of a process that died before a price changed, found after it, costs the old price", async () => {
    const { store, url } = await openFixture();
    const session = await newStoreSession(store);
    const opened = await open(store, session.id, { modelRequested: model, at: lastYear, leaseMs: -1 });
    await store.appendEvents({ turnId: opened.turn.id, firstNumber: 2, events, usageRaw, modelServed: model });
    await store.close();
    const [entry] = (await recover(url, opened.turn.id)).entries;
    expect([entry?.at, entry?.total, entry?.price?.effectiveFrom.slice(0, 4)]).toEqual([lastYear, oldPrice, "2026"]);
  });

  test("of a process that died in its third call every call is booked, at its own moment and for what is known of it", async () => {
    const { store, url } = await openFixture();
    const session = await newStoreSession(store);
    const opened = await open(store, session.id, { modelRequested: model, at: lastYear, leaseMs: -1 });
    const calls = [
      { at: lastYear, model, status: 503, errorCode: "provider_unavailable" as const },
      { at: lastYear + 500, model, status: null, errorCode: "provider_timeout" as const },
      { at: newYear, model, status: null, errorCode: null },
    ];
    await store.noteCalls(opened.turn.id, processId, calls);
    await store.appendEvents({ turnId: opened.turn.id, firstNumber: 2, events, usageRaw, modelServed: model });
    await store.close();
    const { entries, turn } = await recover(url, opened.turn.id);
    expect(entries.map(({ outcome }) => outcome)).toEqual(["refused", "broken", "broken"]);
    expect(entries.map(({ at, errorCode }) => [at, errorCode])).toEqual(
      calls.map(({ at, errorCode }) => [at, errorCode]),
    );
    const [refused, lost, cut] = entries;
    expect([refused!.total, refused!.accuracy]).toEqual([0n, "exact"]);
    expect([lost!.total! > 0n, lost!.accuracy]).toEqual([true, "estimated"]);
    expect([cut!.total, cut!.accuracy]).toEqual([2n * oldPrice, "partial"]); // the year's new price is twice the old one
    expect(turn.cost?.total).toBe(lost!.total! + cut!.total!);
    expect(turn.usage?.inputTokens).toBe(1000 + lost!.usage!.inputTokens);
  });
});
