// What a turn must not do: begin while the server goes, call when it was stopped before, refuse what is stale, keep a key for nothing.

import { describe, expect, test } from "bun:test";
import { defaultProject } from "../src/caller/project.ts";
import {
  call,
  collect,
  eventually,
  newSession,
  openStream,
  readHistory,
  readReceipt,
  type SeenEvent,
  say,
  type TurnBody,
} from "./client.ts";
import { engines, postgresEngine } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const startOf = (sessionId: string, ifBusy: "reject" | "queue" = "reject") => ({
  ...{ owner: defaultProject, sessionId, content: "hi", model: undefined, params: undefined, parentId: undefined },
  ...{ ifBusy, ifVersion: undefined, idempotency: undefined, caller: { left: new AbortController().signal } },
});

async function withServer(
  options: Parameters<typeof startHttp>[0],
  run: (server: HttpServer) => Promise<void>,
): Promise<void> {
  const server = await startHttp(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function expectAtRest({ turns, store }: HttpServer): Promise<void> {
  expect(turns.count).toBe(0);
  const books = await store.sumBooks();
  expect([books.sessionsTotal, books.turnsTotal, books.runningTurns]).toEqual([
    books.entriesTotal,
    books.entriesTotal,
    0,
  ]);
}

describe.each(engines)("on %s", (_name, createDatabase) => {
  const onEngine = async (
    options: Parameters<typeof startHttp>[0],
    run: (server: HttpServer) => Promise<void>,
  ): Promise<void> => withServer({ databaseUrl: await createDatabase(), ...options }, run);

  test("a message that waited is not begun while the server drains, and one whose opening was under way calls nobody", () =>
    onEngine({ providerMs: 20_000 }, async (server) => {
      const { turns, emulator } = server;
      const [busy, other] = [await newSession(server.url), await newSession(server.url)];
      await say(server.url, other.id, { content: "so that it is known" });
      emulator.play({ text: "until the end", chunks: 10, delayMs: 30 });
      await turns.start(startOf(busy.id));
      const queued = [1, 2].map(() =>
        turns.start(startOf(busy.id, "queue")).then(
          () => "begun",
          ({ code }) => code,
        ),
      );
      await eventually(
        async () => emulator.callCount,
        (count) => count === 2,
      );
      const opening = turns.start(startOf(other.id));
      for (let step = 0; step < 20; step++) await Promise.resolve(); // the session is known: what is asked now is the database
      await turns.drain(0);
      expect(await Promise.all(queued)).toEqual(["draining", "draining"]);
      await expectAtRest(server);
      expect(emulator.callCount).toBe(2);
      const ended = await (await opening).end({ left: new AbortController().signal });
      expect(ended).toMatchObject({ turn: { status: "interrupted", cost: { total: 0n } } });
      await expect(turns.start(startOf(other.id))).rejects.toMatchObject({ code: "draining" });
    }));

  test("a stop in the pause before another try ends the turn at once: no answer is bought any more", () =>
    onEngine({ settings: { PROVIDER_RETRY_BUDGET_MS: "60000", PROVIDER_RETRY_BASE_MS: "20000" } }, async (server) => {
      const { emulator } = server;
      emulator.play({ fault: "overloaded-503" });
      const session = await newSession(server.url);
      const answer = say(server.url, session.id, { content: "hi" });
      await eventually(
        async () => emulator.callCount,
        (count) => count === 1,
      );
      const { running_turn_id: turnId } = (await readHistory(server.url, session.id)).session;
      const stopped = await eventually(
        () => call<TurnBody>(`${server.url}/turns/${turnId}/stop`, "POST", {}),
        ({ status }) => status === 200,
      );
      expect([stopped.body.status, stopped.body.cost?.total]).toEqual(["stopped", "0"]);
      await answer;
      await expectAtRest(server);
      expect(emulator.callCount).toBe(1);
      expect((await readReceipt(server.url, turnId!)).attempts.length).toBe(1);
    }));

  test("what arrives after a stop is not shown, and is in the bill where the vendor counts nothing", () =>
    onEngine({ providerMs: 20_000, settings: { STOP_DRAIN_MS: "20000" } }, async (server) => {
      const text = "a rather long answer of which the reader has seen no more than the beginning ".repeat(4);
      server.emulator.play({ text, chunks: 20, delayMs: 30, usage: null });
      const session = await newSession(server.url);
      const stream = await openStream(server.url, session.id, { content: "hi" });
      const turnId = ((await stream.next()).value as SeenEvent).data.turn_id as string;
      await stream.next();
      await call(`${server.url}/turns/${turnId}/stop`, "POST", {});
      const shown = (await collect(stream)).at(-1)!.data.reply!.content;
      const receipt = await eventually(
        () => readReceipt(server.url, turnId),
        ({ settled }) => settled,
      );
      expect(shown.length).toBeLessThan(text.length / 2);
      const booked = receipt.lines
        .filter(({ item }) => /output/.test(item))
        .reduce((sum, { quantity }) => sum + quantity, 0);
      expect([receipt.accuracy, booked]).toEqual(["estimated", Math.ceil(text.length / 3)]);
      expect((await readHistory(server.url, session.id)).data[1]?.content).toBe(shown);
    }));

  test("a turn that failed without a word and without a bill lets go of its key; one that said or cost something keeps it", () =>
    onEngine({}, async (server) => {
      const { emulator } = server;
      const session = await newSession(server.url);
      const ask = (key: string) => say(server.url, session.id, { content: "hi" }, { "idempotency-key": key });
      emulator.play({ fault: "quota-day" });
      const failed = await ask("curl --retry");
      emulator.play({ text: "at last" });
      const again = await ask("curl --retry");
      const replayed = await ask("curl --retry");
      expect([failed.status, again.status, again.body.reply?.content]).toEqual([429, 201, "at last"]);
      expect(replayed.body.turn.id).toBe(again.body.turn.id);
      const calls = emulator.callCount;
      emulator.play({ fault: "close-midstream", text: "some words, then nothing", chunks: 6, after: 3 });
      const spoke = await ask("spoke");
      expect((await ask("spoke")).body.turn?.id ?? (await ask("spoke")).body.turn_id).toBe(
        spoke.body.turn?.id ?? spoke.body.turn_id,
      );
      expect(emulator.callCount).toBe(calls + 1);
    }));
});

describe("a conversation that the vendor finds too long", () => {
  test("is shown once more, shortened, as a further call; the turn says so, and memory begins there", () =>
    withServer({}, async ({ url, emulator }) => {
      const session = await newSession(url);
      for (const word of ["one", "two", "three", "four"]) {
        emulator.play({ text: `answer ${word}` });
        await say(url, session.id, { content: `question ${word}` });
      }
      emulator.play({ fault: "too-long" }, { text: "now it fits" }, { text: "and so it stays" });
      const { status, body } = await say(url, session.id, { content: "question five" });
      expect([status, body.reply?.content]).toEqual([201, "now it fits"]);
      expect(body.turn.notices).toMatchObject([{ code: "memory_shortened" }]);
      expect(
        (await readReceipt(url, body.turn.id)).attempts.map(({ error_code, total }) => [error_code, total]),
      ).toEqual([
        ["context_too_long", "0"],
        [null, body.turn.cost!.total],
      ]);
      await say(url, session.id, { content: "question six" });
      const shown = emulator.generateCalls().map((seen) => JSON.stringify(seen.body));
      expect(shown.map((text) => text.includes("question one"))).toEqual([true, true, true, true, true, false, false]);
      expect(shown.at(-1)).toContain("question five");
    }));

  test("is refused when there is nothing to leave out, and when half of it is too long as well", () =>
    withServer({}, async ({ url, emulator }) => {
      const session = await newSession(url);
      const refuse = async () => {
        const before = emulator.callCount;
        const { status, body } = await say(url, session.id, { content: "question" });
        return [status, body.code, emulator.callCount - before];
      };
      emulator.play({ fault: "too-long", times: 2 });
      expect(await refuse()).toEqual([422, "context_too_long", 1]);
      emulator.reset();
      for (let turn = 0; turn < 4; turn++) await say(url, session.id, { content: "question" });
      emulator.play({ fault: "too-long", times: 3 });
      expect(await refuse()).toEqual([422, "context_too_long", 2]);
    }));

  test("what a failed turn left out is shown again to the next one", () =>
    withServer({}, async ({ url, emulator }) => {
      const session = await newSession(url);
      for (const word of ["one", "two", "three"]) await say(url, session.id, { content: `question ${word}` });
      emulator.play({ fault: "too-long", times: 2 });
      expect((await say(url, session.id, { content: "too much" })).status).toBe(422);
      emulator.reset();
      await say(url, session.id, { content: "question four" });
      expect(JSON.stringify(emulator.generateCalls().at(-1)?.body)).toContain("question one");
    }));
});

test("nothing is refused for what one process remembers of a session that another has changed", async () => {
  const databaseUrl = await postgresEngine.createDatabase();
  await withServer({ databaseUrl, processId: 1 }, (one) =>
    withServer({ databaseUrl, processId: 2 }, async (two) => {
      for (let round = 0; round < 3; round++) {
        const session = await newSession(one.url, { model: "gemini-2.5-pro" });
        await say(one.url, session.id, { content: "one remembers this" });
        const off = { content: "quick", params: { thinking: "off" } };
        expect((await say(one.url, session.id, off)).status).toBe(422);
        await call(`${two.url}/sessions/${session.id}`, "PATCH", { model: "gemini-2.5-flash" });
        expect((await say(one.url, session.id, off)).status).toBe(201);
      }
    }),
  );
});
