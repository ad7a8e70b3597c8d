// Titles made by a model: a call of their own in the books, that holds up nobody and never writes over what a person chose.

import { describe, expect, test } from "bun:test";
import { newId } from "../src/id.ts";
import { callAs, makeKey } from "./callers.ts";
import {
  type Answered,
  call,
  eventually,
  newSession,
  openStream,
  type ProblemBody,
  readHistory,
  readReceipt,
  readTurn,
  type SessionBody,
  say,
} from "./client.ts";
import { engines } from "./engines.ts";
import { type HttpOptions, type HttpServer, startHttp } from "./http-assembly.ts";

const cheapest = "gemini-2.5-flash-lite";
const nameIt = (url: string, id: string): Promise<Answered<SessionBody & ProblemBody>> =>
  call(`${url}/sessions/${id}/title`, "POST");
const patch = (url: string, id: string, body: object) => call<SessionBody>(`${url}/sessions/${id}`, "PATCH", body);
const readSession = async (url: string, id: string) => (await call<SessionBody>(`${url}/sessions/${id}`, "GET")).body;
const toPico = (usd: string | null | undefined) => {
  const [whole = "0", fraction = ""] = (usd ?? "0").split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
};

/** Invariant 2, as anybody sees it: the session's cost, its turns' and their receipts', and the whole database's sums. */
async function expectBooks(server: HttpServer, sessionId: string): Promise<void> {
  const { data, session } = await readHistory(server.url, sessionId);
  let sum = 0n;
  for (const { turn_id, role } of data) {
    if (role === "user") continue;
    const [turn, receipt] = await Promise.all([readTurn(server.url, turn_id), readReceipt(server.url, turn_id)]);
    const calls = receipt.attempts.reduce((total, one) => total + toPico(one.total), 0n);
    expect([toPico(turn.cost?.total), toPico(receipt.total)]).toEqual([calls, calls]);
    sum += calls;
  }
  expect(toPico(session.cost.total)).toBe(sum);
  const books = await server.store.sumBooks();
  expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
}

/** Requests that the vendor saw are entries of the ledger. */
async function expectEveryCallBooked(server: HttpServer): Promise<void> {
  expect((await server.store.sumBooks()).entries).toBe(server.emulator.callCount);
}

async function withServer(run: (server: HttpServer) => Promise<void>, options: HttpOptions = {}): Promise<void> {
  const server = await startHttp(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function answered(server: HttpServer, content = "What goes into borscht?"): Promise<string> {
  const { id } = await newSession(server.url);
  expect((await say(server.url, id, { content })).status).toBe(201);
  return id;
}

describe.each(engines)("a title on %s", (_, createDatabase) => {
  const start = async (run: (server: HttpServer) => Promise<void>, options: HttpOptions = {}) =>
    withServer(run, { databaseUrl: await createDatabase(), ...options });

  test("is one more call of the newest turn, by the cheapest model, and every sum moves by it", () =>
    start(async (server) => {
      const id = await answered(server);
      const before = await readHistory(server.url, id);
      server.emulator.play({ text: '**"Borscht, and what goes into it."**\n\nIs there anything else?' });
      const { status, body } = await nameIt(server.url, id);
      expect([status, body.title]).toEqual([200, "Borscht, and what goes into it"]);
      const turnId = before.data[1]!.turn_id;
      const { attempts, ...receipt } = await readReceipt(server.url, turnId);
      expect(attempts.map(({ attempt, purpose, model_requested }) => [attempt, purpose, model_requested])).toEqual([
        [1, "chat", "gemini-2.5-flash"],
        [2, "title", cheapest],
      ]);
      // Above the list stands the call that answered, and the whole turn's total.
      expect(receipt.price?.id).toContain("/gemini-2.5-flash@");
      expect(toPico(body.cost.total)).toBe(toPico(before.cost.total) + toPico(attempts[1]!.total));
      expect(toPico(attempts[1]!.total)).toBeGreaterThan(0n);
      const turn = await readTurn(server.url, turnId);
      expect(turn.usage!.total_tokens).toBe(body.usage.total_tokens);
      expect(turn.cost!.accuracy).toBe("exact");
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
      const found = await call<{ data: SessionBody[] }>(`${server.url}/sessions?q=borscht%20goes`, "GET");
      expect(found.body.data.map((one) => one.id)).toContain(id);
    }));

  test("is made of a bounded piece of the conversation, with little thinking, and is what the emulator would call it", () =>
    start(async (server) => {
      const id = await answered(server, "Скільки буряка йде у борщ?");
      for (const n of Array(6).keys())
        await say(server.url, id, { content: `${"дуже довге питання ".repeat(100)}${n}` });
      const { body } = await nameIt(server.url, id);
      expect(body.title).toBe("Демо: Скільки буряка йде у борщ");
      const sent = server.emulator.generateCalls().at(-1)!;
      expect(Buffer.byteLength(JSON.stringify(sent.body))).toBeLessThan(18_000);
      expect(sent.body).toMatchObject({
        generationConfig: { maxOutputTokens: 512, thinkingConfig: { thinkingBudget: 0 } },
      });
    }));

  test("never writes over what a person chose while it was made, also where that is the same as before", () =>
    start(async (server) => {
      const id = await answered(server);
      const before = await readSession(server.url, id);
      for (const title of ["Mine", before.title]) {
        server.emulator.play({ text: "The model's", firstByteMs: 150 });
        const naming = nameIt(server.url, id);
        await eventually(
          async () => server.emulator.generateCalls().at(-1)!,
          ({ finished }) => !finished,
        );
        await patch(server.url, id, { title });
        const { status, body } = await naming;
        expect([status, body.title]).toEqual([200, title]);
      }
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
    }));

  test("is asked for twice at once: one is made, the other is told so", () =>
    start(async (server) => {
      const id = await answered(server);
      server.emulator.play({ text: "One", firstByteMs: 150 });
      const both = await Promise.all([nameIt(server.url, id), nameIt(server.url, id)]);
      expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      expect(both.find(({ status }) => status === 409)!.body.code).toBe("conflict");
      expect((await readSession(server.url, id)).title).toBe("One");
      await expectEveryCallBooked(server);
    }));

  test("waits for no running turn and holds none up: it belongs to the turn before", () =>
    start(async (server) => {
      const id = await answered(server);
      server.emulator.play({ text: "slow", chunks: 4, delayMs: 60, firstByteMs: 100 }, { text: "Named meanwhile" });
      const events = await openStream(server.url, id, { content: "and then?" });
      expect((await events.next()).value).toMatchObject({ type: "turn-start" });
      await eventually(
        async () => server.emulator.callCount,
        (count) => count === 2,
      );
      const { status, body } = await nameIt(server.url, id);
      expect([status, body.title, body.running_turn_id === null]).toEqual([200, "Named meanwhile", false]);
      let last: unknown;
      for await (const event of events) last = event;
      expect(last).toMatchObject({ type: "turn-end", data: { turn: { status: "complete" } } });
      const { data } = await readHistory(server.url, id);
      expect((await readReceipt(server.url, data[1]!.turn_id)).attempts).toHaveLength(2);
      expect((await readReceipt(server.url, data[3]!.turn_id)).attempts).toHaveLength(1);
      await expectBooks(server, id);
      // And a message while a title is made is not refused, and does not wait for it.
      server.emulator.play({ text: "late", firstByteMs: 200 }, { text: "at once" });
      const naming = nameIt(server.url, id);
      await eventually(
        async () => server.emulator.callCount,
        (count) => count === 4,
      );
      expect((await say(server.url, id, { content: "at once?" })).body.reply.content).toBe("at once");
      expect((await naming).body.title).toBe("late");
      await expectBooks(server, id);
    }));
});

describe("a title", () => {
  const start = withServer;

  test.each([
    [{ fault: "bad-argument" }, 502, "provider_error"],
    [{ fault: "quota-minute", retryDelaySeconds: 60 }, 429, "provider_rate_limited"],
    [{ fault: "stall", text: "half a", chunks: 4, after: 1 }, 504, "provider_timeout"],
    [{ text: "   " }, 502, "provider_error"],
  ] as const)("is not there after %o: the old one stays, the call is booked", (scenario, status, code) =>
    start(async (server) => {
      const id = await answered(server);
      const { title } = await readSession(server.url, id);
      server.emulator.always(scenario);
      const { status: answer, body } = await nameIt(server.url, id);
      expect([answer, body.code]).toEqual([status, code]);
      expect((await readSession(server.url, id)).title).toBe(title);
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
      server.emulator.always(null);
      expect((await nameIt(server.url, id)).status).toBe(200);
    }),
  );

  test("is asked of the next model where the vendor has no such one, and of that one from then on", () =>
    start(async (server) => {
      const id = await answered(server);
      server.emulator.play({ fault: "unknown-model" }, { text: "By the second" });
      expect((await nameIt(server.url, id)).body.title).toBe("By the second");
      server.emulator.play({ text: "Again" });
      expect((await nameIt(server.url, id)).body.title).toBe("Again");
      const models = server.emulator.generateCalls().map((one) => one.model);
      expect(models[1]).toBe(cheapest);
      expect(models[2]).not.toBe(cheapest);
      expect(models[3]).toBe(models[2]!);
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
    }));

  test("has a time, after which the old one stays and what was sent is booked", () =>
    start(
      async (server) => {
        const id = await answered(server);
        server.emulator.play({ text: "too late", firstByteMs: 3_000 });
        const { status, body } = await nameIt(server.url, id);
        expect([status, body.code]).toEqual([504, "provider_timeout"]);
        const { data } = await readHistory(server.url, id);
        expect((await readReceipt(server.url, data[1]!.turn_id)).accuracy).toBe("estimated");
        await expectBooks(server, id);
      },
      { times: { titleMs: 150 }, providerMs: 10_000 },
    ));

  test("is refused where there is nothing to name, and in the trash; put there meanwhile, the session keeps its old one", () =>
    start(async (server) => {
      const { id: empty } = await newSession(server.url);
      expect((await nameIt(server.url, empty)).body.code).toBe("conflict");
      expect((await nameIt(server.url, newId())).status).toBe(404);
      const id = await answered(server);
      const { title } = await readSession(server.url, id);
      server.emulator.play({ text: "too late", firstByteMs: 150 });
      const naming = nameIt(server.url, id);
      await eventually(
        async () => server.emulator.callCount,
        (count) => count === 2,
      );
      await call(`${server.url}/sessions/${id}`, "DELETE");
      expect((await naming).body.code).toBe("conflict");
      expect((await nameIt(server.url, id)).body.code).toBe("conflict");
      expect((await readSession(server.url, id)).title).toBe(title);
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
    }));

  test("is made by a model that the key may use, and by none without a price", () =>
    start(async (server) => {
      const id = await answered(server);
      const dear = await makeKey(server.store, { models: ["gemini-4-neon"] });
      const unpriced = await makeKey(server.store, { models: ["gemini-9-radon"] });
      const ask = (secret: string) =>
        callAs<SessionBody & ProblemBody>(secret, `${server.url}/sessions/${id}/title`, "POST");
      expect((await ask(dear.secret)).status).toBe(200);
      expect(server.emulator.generateCalls().at(-1)!.model).toBe("gemini-4-neon");
      expect((await ask(unpriced.secret)).body.code).toBe("unpriced_model");
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
    }));

  test("asked for again with its Idempotency-Key is not made again; one that failed is a new try", () =>
    start(async (server) => {
      const id = await answered(server);
      const ask = (key: string) =>
        call<SessionBody & ProblemBody>(`${server.url}/sessions/${id}/title`, "POST", undefined, {
          "idempotency-key": key,
        });
      server.emulator.play({ text: "One" }, { text: "Two" }, { fault: "bad-argument" }, { text: "Three" });
      expect((await ask("a")).body.title).toBe("One");
      expect((await ask("a")).body.title).toBe("One");
      expect((await ask("b")).body.title).toBe("Two");
      expect((await ask("c")).status).toBe(502);
      expect((await ask("c")).body.title).toBe("Three");
      await expectBooks(server, id);
      await expectEveryCallBooked(server);
    }));

  test("asked for while the session is purged is not found, and its call is booked", () =>
    start(async (server) => {
      const id = await answered(server);
      server.emulator.play({ text: "too late", firstByteMs: 150 });
      const naming = nameIt(server.url, id);
      await eventually(
        async () => server.emulator.callCount,
        (count) => count === 2,
      );
      expect((await call(`${server.url}/sessions/${id}?purge=true`, "DELETE")).status).toBe(204);
      expect((await naming).status).toBe(404);
      expect((await nameIt(server.url, id)).status).toBe(404);
      await expectEveryCallBooked(server);
      const books = await server.store.sumBooks();
      expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
    }));

  test("counts against the limits of the key that asks", () =>
    start(async (server) => {
      const id = await answered(server);
      const key = await makeKey(server.store, { rate: { tokens_per_minute: 500 } });
      const ask = () => callAs<SessionBody & ProblemBody>(key.secret, `${server.url}/sessions/${id}/title`, "POST");
      const statuses: number[] = [];
      while (statuses.at(-1) !== 429 && statuses.length < 9) statuses.push((await ask()).status);
      expect([statuses[0], statuses.at(-1)]).toEqual([200, 429]);
      await expectEveryCallBooked(server);
    }));

  test("is not made by itself unless the operator wants it", () =>
    start(async (server) => {
      const id = await answered(server);
      await say(server.url, id, { content: "more" });
      expect(server.emulator.callCount).toBe(2);
      expect((await readSession(server.url, id)).title).toBe("What goes into borscht?");
    }));

  test("TITLES=auto makes one after the first answer, once, and never where a person has named the session", () =>
    start(
      async (server) => {
        const { id } = await newSession(server.url);
        server.emulator.play({ text: "Beetroot." }, { text: "Borscht" });
        expect((await say(server.url, id, { content: "What goes into borscht?" })).body.session.title).toBe(
          "What goes into borscht?",
        );
        await eventually(
          () => readSession(server.url, id),
          ({ title }) => title === "Borscht",
        );
        await say(server.url, id, { content: "more" });
        const { id: named } = await newSession(server.url, { title: "Mine" });
        await say(server.url, named, { content: "hello" });
        const { id: renamed } = await newSession(server.url);
        server.emulator.play({ text: "slow", firstByteMs: 150 });
        const saying = say(server.url, renamed, { content: "hello" });
        await eventually(
          () => readSession(server.url, renamed),
          (one) => one.running_turn_id !== null,
        );
        await patch(server.url, renamed, { title: "Mine too" });
        await saying;
        const { id: failed } = await newSession(server.url);
        server.emulator.play({ fault: "bad-argument" });
        await say(server.url, failed, { content: "hello" });
        await server.stop();
        const seen = server.emulator.generateCalls().map((one) => one.model);
        expect(seen.filter((model) => model === cheapest)).toHaveLength(1);
      },
      { settings: { TITLES: "auto" } },
    ));
});
