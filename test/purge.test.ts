// What is purged is gone, everywhere a word can hide, and the books stay true; whatever happens at the same moment.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { commandCaller } from "../src/caller/caller.ts";
import { verifyBooks } from "../src/command/verify.ts";
import { callAs, makeKey } from "./callers.ts";
import { type AnswerBody, call, eventually, type ProblemBody, type SessionBody, type TurnBody } from "./client.ts";
import { engines } from "./engines.ts";
import { findWord, newWord, waitUntilGone } from "./find-word.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { operations } from "./openapi-check.ts";

interface PurgedBody {
  sessions: number;
  messages: number;
  files: number;
}
interface ListBody {
  data: SessionBody[];
}

describe.each(engines)("purging on %s", (_name, createDatabase) => {
  let server: HttpServer;
  let databaseUrl: string;
  beforeAll(async () => {
    databaseUrl = await createDatabase();
    server = await startHttp({ databaseUrl, providerMs: 60_000 });
  });
  afterAll(() => server.stop());

  const send = <T>(path: string, method = "GET", body?: unknown, headers = {}) =>
    call<T>(`${server.url}${path}`, method, body, headers);
  const newSession = async (body: object = {}) => (await send<SessionBody>("/sessions", "POST", body)).body.id;
  const say = async (session: string, content: string, more: object = {}, headers = {}) =>
    (await send<AnswerBody>(`/sessions/${session}/messages`, "POST", { content, ...more }, headers)).body;
  const purge = (id: string, headers = {}) =>
    send<ProblemBody>(`/sessions/${id}?purge=true`, "DELETE", undefined, headers);
  const checkBooks = async () => {
    const books = await server.store.sumBooks();
    expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
    return books;
  };

  /** Every place of a session that can hold a word has one. */
  async function fillSession(word: string) {
    server.emulator.play({ text: `answer ${word}`, thoughts: `thought ${word}` });
    const session = await newSession({
      title: `title ${word}`,
      system: `system ${word}`,
      params: { stop: [`stop ${word}`], response_schema: { type: "object", description: word } },
      metadata: { note: word },
    });
    await send(`/sessions/${session}`, "PATCH", { params: { thinking: 100 } });
    const first = await say(session, `question ${word}`, {}, { "idempotency-key": `key ${word}` });
    server.emulator.play({ text: `streamed ${word} ${"long ".repeat(2_000)}` });
    const streamed = await fetch(`${server.url}/sessions/${session}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ content: `again ${word} ${"long ".repeat(200)}`, stream: true }),
    });
    await streamed.text();
    return { session, turn: first.turn.id, answer: first.reply.id };
  }

  test("every word leaves the database, its files and the log, and every sum stays", async () => {
    const word = newWord();
    const kept = newWord();
    const other = await fillSession(kept);
    const { session } = await fillSession(word);
    const before = await checkBooks();
    expect((await findWord(databaseUrl, word)).length).toBeGreaterThan(0);
    expect((await send<ListBody>(`/sessions?q=${word}`)).body.data).toHaveLength(1);
    expect((await purge(session)).status).toBe(204);
    expect((await send<ListBody>(`/sessions?q=${word}`)).body.data).toEqual([]);
    await waitUntilGone(databaseUrl, word);
    expect(await checkBooks()).toEqual(before);
    expect(JSON.stringify(server.logged)).not.toContain(word);
    // The neighbour's are all there.
    expect((await send<ListBody>(`/sessions?q=${kept}`)).body.data.map(({ id }) => id)).toEqual([other.session]);
    expect(JSON.stringify((await send(`/sessions/${other.session}/history`)).body).split(kept).length).toBeGreaterThan(
      4,
    );
  });

  test("it reads as not_found, on every route there is, and is in no list", async () => {
    const { session, turn, answer } = await fillSession(newWord());
    expect((await purge(session)).status).toBe(204);
    const bodies: Record<string, unknown> = {
      sendMessage: { content: "hi", parent_id: answer },
      changeSession: { title: "words again" },
    };
    let asked = 0;
    for (const { method, path, operation } of operations()) {
      const id = path.startsWith("/sessions/{id}") ? session : path.startsWith("/turns/{id}") ? turn : undefined;
      if (id === undefined) continue;
      const at = path.replace("{id}", id);
      const answered = await send<ProblemBody>(
        at,
        method.toUpperCase(),
        bodies[operation.operationId] ?? (operation.requestBody?.required ? { content: "hi" } : undefined),
      );
      expect({ at, method, status: answered.status }).toEqual({ at, method, status: 404 });
      asked++;
    }
    expect(asked).toBeGreaterThan(8);
    for (const deleted of [false, true]) {
      const { data } = (await send<ListBody>(`/sessions?limit=100&deleted=${deleted}`)).body;
      expect(data.map(({ id }) => id)).not.toContain(session);
    }
  });

  test("asked again it is the same, also from the trash; what was never there is not_found; If-Match is heeded", async () => {
    const session = await newSession({ title: "one" });
    expect((await purge(session, { "if-match": '"v7"' })).status).toBe(412);
    expect((await send(`/sessions/${session}`)).status).toBe(200);
    expect((await send(`/sessions/${session}`, "DELETE")).status).toBe(200);
    expect((await purge(session, { "if-match": '"v2"' })).status).toBe(204);
    for (let again = 0; again < 2; again++) expect((await purge(session)).status).toBe(204);
    expect((await purge("01939c5e-7b1a-7c3d-9f20-0c1d2e3f4a5b")).status).toBe(404);
    expect((await send(`/sessions/${session}?purge=yes`, "DELETE")).status).toBe(422);
    const lines = (await server.store.listAudit(commandCaller, { limit: 100, action: "session.purged" })).data;
    expect(lines.filter(({ target }) => target === session)).toHaveLength(1);
  });

  test("a turn that runs is cut first, its bill booked, and nothing of it comes back", async () => {
    const word = newWord();
    const session = await newSession({ title: word });
    server.emulator.play({ fault: "stall", text: `${word} words, then silence `.repeat(20), chunks: 20, after: 10 });
    const stream = await fetch(`${server.url}/sessions/${session}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ content: `running ${word}`, stream: true }),
    });
    const turn = stream.headers.get("location")!.split("/").at(-1)!;
    await eventually(
      () => send<TurnBody>(`/turns/${turn}`),
      ({ body }) => body.model_served !== null,
    );
    const before = await server.store.sumBooks();
    expect((await purge(session)).status).toBe(204);
    expect((await send(`/turns/${turn}`)).status).toBe(404);
    await stream.text(); // ends
    const after = await checkBooks();
    expect([after.entries, after.runningTurns]).toEqual([before.entries + 1, before.runningTurns - 1]);
    expect(after.entriesTotal).toBeGreaterThan(before.entriesTotal);
    await waitUntilGone(databaseUrl, word);
  });

  test("a title that a model is making comes too late, and its call is booked", async () => {
    const word = newWord();
    const session = await newSession();
    server.emulator.play({ text: `answer ${word}` });
    await say(session, `question ${word}`);
    const asked = server.emulator.generateCalls().length;
    const before = await server.store.sumBooks();
    server.emulator.play({ text: word, firstByteMs: 300 });
    const titled = send<ProblemBody>(`/sessions/${session}/title`, "POST");
    await eventually(
      async () => server.emulator.generateCalls().length,
      (calls) => calls > asked,
    );
    expect((await purge(session)).status).toBe(204);
    expect([404, 409]).toContain((await titled).status);
    expect((await checkBooks()).entries).toBe(before.entries + 1);
    await waitUntilGone(databaseUrl, word);
  });

  test("messages, changes and purges of one session at the same moment end in its being purged, with all that was billed", async () => {
    for (let round = 0; round < 5; round++) {
      const word = newWord();
      const session = await newSession({ title: word });
      server.emulator.play({ text: `answer ${word}` });
      await say(session, `first ${word}`);
      const at = (path: string) => `/sessions/${session}${path}`;
      const busy = Array.from({ length: 6 }, (_, n) => [
        send(at("/messages"), "POST", { content: `${word} ${n}`, if_busy: n % 2 === 0 ? "queue" : "reject" }),
        send(at(""), "PATCH", { title: `${word} ${n}`, metadata: { word } }),
        send(at("/restore"), "POST"),
      ]).flat();
      const purges = [purge(session), purge(session)];
      const answers = await Promise.all(purges);
      await Promise.all(busy);
      for (const { status } of answers) expect([204, 409]).toContain(status);
      expect((await purge(session)).status).toBe(204);
      expect((await send(at(""))).status).toBe(404);
      await checkBooks();
      await waitUntilGone(databaseUrl, word);
    }
  }, 180_000);

  test("a person is erased everywhere: sessions, messages sent for them elsewhere, keys, name; the sums stay", async () => {
    const [name, word] = [`Solomiia ${newWord()}`, newWord()];
    const key = await makeKey(server.store, { user: name, name: `${name}'s phone` });
    const own = await newSession({ user: name, title: word });
    server.emulator.play({ text: word });
    await say(own, word);
    const trashed = await newSession({ user: name, title: word });
    await send(`/sessions/${trashed}`, "DELETE");
    const purged = await newSession({ user: name });
    await say(purged, "hello");
    await purge(purged);
    const nobodys = await newSession();
    server.emulator.play({ text: word });
    await say(nobodys, word, { user: name });
    server.emulator.play({ text: "kept answer" });
    await say(nobodys, "kept question");
    const before = await checkBooks();

    const url = `/sessions?user=${encodeURIComponent(name)}&purge=true`;
    const erased = await send<PurgedBody>(url, "DELETE");
    expect([erased.status, erased.body]).toEqual([200, { sessions: 2, messages: 4, files: 0 }]);
    for (const text of [name, word]) await waitUntilGone(databaseUrl, text);
    expect(await checkBooks()).toEqual(before);
    expect((await callAs(key.secret, `${server.url}/keys/me`)).status).toBe(401);
    const history = JSON.stringify((await send(`/sessions/${nobodys}/history`)).body);
    expect(history).toContain("kept question");
    expect(history).toContain("kept answer");
    // The conversation goes on, without what was erased.
    server.emulator.play({ text: "on it goes" });
    expect((await say(nobodys, "and now?")).reply.content).toBe("on it goes");
    expect(JSON.stringify(server.emulator.calls.at(-1)?.body)).not.toContain(word);
    // Asked again, there is nothing left to do.
    expect((await send<PurgedBody>(url, "DELETE")).body).toEqual({ sessions: 0, messages: 0, files: 0 });
    const line = (await server.store.listAudit(commandCaller, { limit: 1, action: "user.erased" })).data[0]!;
    expect([line.count, line.target!.startsWith("user:person-")]).toEqual([2, true]);
  });

  test("after all that, every receipt and every sum is still derived from what is there", async () => {
    const { found } = await verifyBooks(databaseUrl);
    expect(found.shown).toEqual([]);
  });

  test("the trash is emptied at a word, and nothing beside it", async () => {
    const [kept, one, two] = [await newSession(), await newSession(), await newSession({ user: "Orest" })];
    await send<PurgedBody>("/sessions?deleted=true&purge=true", "DELETE");
    for (const id of [one, two]) await send(`/sessions/${id}`, "DELETE");
    const ofOrest = await send<PurgedBody>("/sessions?deleted=true&user=Orest&purge=true", "DELETE");
    expect(ofOrest.body).toEqual({ sessions: 1, messages: 0, files: 0 });
    expect((await send(`/sessions/${one}`)).status).toBe(200);
    expect((await send<PurgedBody>("/sessions?deleted=true&purge=true", "DELETE")).body.sessions).toBe(1);
    expect((await send(`/sessions/${kept}`)).status).toBe(200);
    for (const id of [one, two]) expect((await send(`/sessions/${id}`)).status).toBe(404);
    for (const query of ["", "?purge=true", "?deleted=true", "?purge=false&user=x", "?purge=true&deleted=false"])
      expect((await send(`/sessions${query}`, "DELETE")).status).toBe(422);
  });
});
