// A line to Postgres that breaks while COMMIT's answer is on the way: what was stored is found, and nobody notices.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import type { Store } from "../src/store.ts";
import {
  type AnswerBody,
  call,
  collect,
  eventually,
  newSession,
  openEvents,
  openStream,
  readHistory,
  readReceipt,
  type SeenEvent,
  say,
  type TurnBody,
} from "./client.ts";
import { postgresEngine } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { type Line, openLine } from "./line.ts";

describe("the answer to a COMMIT is lost", () => {
  let server: HttpServer;
  let line: Line;
  /** Sees the database without the line. */
  let aside: Store;
  beforeAll(async () => {
    const databaseUrl = await postgresEngine.createDatabase();
    line = await openLine(databaseUrl);
    server = await startHttp({ databaseUrl: line.url, providerMs: 20_000 });
    aside = await openStore(databaseUrl, { processId: 5, readOnly: true });
  });
  afterAll(async () => {
    await server.stop();
    await aside.close();
    await line.close();
  });
  beforeEach(() => {
    server.emulator.reset();
    server.logged.length = 0;
  });

  /** Nothing running, nothing booked twice, nothing that the books do not know of, and no talk of another process. */
  async function expectPeace(): Promise<void> {
    const books = await eventually(
      () => aside.sumBooks(),
      ({ runningTurns }) => runningTurns === 0,
    );
    expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
    // The commit that is lost may be of those who look for such turns now and then; that is no harm.
    const feared = /taken over|left running (?!could not be looked for)/;
    expect(server.logged.filter(({ sentence }) => feared.test(sentence))).toEqual([]);
  }

  test.each([false, true])("of a stop (hard: %p): caller and readers get the end as it was stored", async (hard) => {
    server.emulator.play({ fault: "stall", text: "three words, then silence", chunks: 6, after: 3 });
    const { id } = await newSession(server.url);
    const stream = await openStream(server.url, id, { content: "hi" });
    const turnId = ((await stream.next()).value as SeenEvent).data.turn_id as string;
    await eventually(
      () => aside.readTurnLog(defaultProject, turnId, 0),
      (log) => log?.events.length === 3,
    );
    const broken = line.loseNextCommit();
    const stopped = call<TurnBody>(`${server.url}/turns/${turnId}/stop`, "POST", { hard });
    await broken;
    expect([(await stopped).status, (await stopped).body.status]).toEqual([200, "stopped"]);
    const end = (await collect(stream)).at(-1)!;
    expect([end.type, end.data.turn?.status]).toEqual(["turn-end", "stopped"]);
    const { settled } = await eventually(
      () => readReceipt(server.url, turnId),
      (receipt) => receipt.settled,
    );
    expect(settled).toBe(true);
    const stored = await collect(await openEvents(server.url, turnId));
    expect(stored.at(-1)).toMatchObject({ number: end.number, data: { reply: { content: end.data.reply!.content } } });
    expect((await aside.listEntries(defaultProject, turnId)).length).toBe(1);
    await expectPeace();
  });

  test.each([
    ["", {}],
    [", with a key", { "idempotency-key": "once" }],
  ])("of a message%s: it is answered as if nothing had been, once", async (_, headers) => {
    const { id } = await newSession(server.url);
    await say(server.url, id, { content: "before" }, { "idempotency-key": id }); // the first key sweeps old ones beside
    server.emulator.play({ text: "answered all the same" });
    const calls = server.emulator.callCount;
    const broken = line.loseNextCommit();
    const asked = say(server.url, id, { content: "hi" }, headers);
    await broken;
    const { status, body } = await asked;
    expect([status, (body as AnswerBody).reply?.content]).toEqual([201, "answered all the same"]);
    expect(server.emulator.callCount - calls).toBe(1);
    const { data, session } = await readHistory(server.url, id);
    expect(data.map(({ content }) => content).slice(2)).toEqual(["hi", "answered all the same"]);
    expect(session).toEqual(body.session);
    await expectPeace();
  });

  test("of a batch of events: the log has each of them once", async () => {
    server.emulator.play({ text: "one by one, and slowly, please", chunks: 10, delayMs: 40 });
    const { id } = await newSession(server.url);
    const stream = await openStream(server.url, id, { content: "hi" });
    const start = (await stream.next()).value as SeenEvent;
    await line.loseNextCommit();
    const live = [start, ...(await collect(stream))];
    expect(live.at(-1)?.data.turn?.status).toBe("complete");
    const stored = await collect(await openEvents(server.url, start.data.turn_id as string));
    expect(stored.map(({ number, data }) => [number, data.text])).toEqual(
      live.map(({ number, data }) => [number, data.text]),
    );
    await expectPeace();
  });
});

describe("a network that swallows everything", () => {
  test("whoever waits is told within seconds, the server says it is not ready, and all is well when it speaks again", async () => {
    const databaseUrl = await postgresEngine.createDatabase();
    const line = await openLine(databaseUrl);
    const server = await startHttp({ databaseUrl: line.url, providerMs: 20_000 });
    try {
      const quiet = await newSession(server.url);
      const busy = await Promise.all(Array.from({ length: 12 }, () => newSession(server.url)));
      await say(server.url, quiet.id, { content: "all is well" });
      server.emulator.play({ text: "an answer in the middle of it", chunks: 5, delayMs: 100, times: busy.length });
      const running = busy.map(({ id }) => say(server.url, id, { content: "said before" }));
      await eventually(
        async () => server.emulator.callCount,
        (count) => count === 1 + busy.length,
      );
      line.swallow();
      const answers = await Promise.all([
        call<{ code: string }>(`${server.url}/readyz`, "GET"),
        say(server.url, quiet.id, { content: "into the hole" }),
        call<{ code: string }>(`${server.url}/sessions`, "GET"),
      ]);
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
        Array.from({ length: 3 }, () => [503, "storage_unavailable"]),
      );
      line.mend();
      await eventually(
        async () => (await fetch(`${server.url}/readyz`)).status,
        (status) => status === 200,
        20_000,
      );
      for (const { status } of await Promise.all(running)) expect([201, 503]).toContain(status);
      for (const { id } of busy) {
        const { data } = await eventually(
          () => readHistory(server.url, id),
          ({ session }) => session.running_turn_id === null,
          20_000,
        );
        expect([data[1]?.status, data[1]?.content]).toEqual(["complete", "an answer in the middle of it"]);
      }
      await eventually(
        async () => (await say(server.url, quiet.id, { content: "and again" })).status,
        (status) => status === 201,
        20_000,
      );
      const books = await server.store.sumBooks();
      expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
      expect(books.entries).toBe(server.emulator.callCount);
    } finally {
      await server.stop();
      await line.close();
    }
  }, 180_000);
});
