// What is deleted is gone through every door that gives words: while it can be restored, and for good.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { commandCaller } from "../src/caller/caller.ts";
import { type AnswerBody, call, newSession, type ProblemBody, type SessionBody } from "./client.ts";
import { testClock } from "./clock.ts";
import { engines } from "./engines.ts";
import { newWord, waitUntilGone } from "./find-word.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const day = 86_400_000;
const word = /porcupine/i;

describe.each(engines)("on %s", (_name, createDatabase) => {
  let server: HttpServer;
  let databaseUrl: string;
  let offset = 0;
  beforeAll(async () => {
    const now = () => testClock() + offset;
    databaseUrl = await createDatabase();
    server = await startHttp({ databaseUrl, now, settings: { TRASH_DAYS: "3" } });
  });
  afterAll(() => server.stop());

  const ask = <T>(method: string, path: string, body?: unknown, headers = {}) =>
    call<T & ProblemBody>(`${server.url}${path}`, method, body, headers);

  /** A session with two versions of one question; the second is spoken of, once as JSON and once as a stream, each under a key. */
  async function converse() {
    const { id } = await newSession(server.url, { title: "Animals" });
    const path = `/sessions/${id}`;
    await ask("POST", `${path}/messages`, { content: "Which animal?" });
    const asked = { content: "Which porcupine?", parent_id: null };
    const more = { content: "Another porcupine?", stream: true };
    server.emulator.play({ fault: "model-armor", text: "porcupine ".repeat(9), chunks: 3 });
    const version = (await ask<AnswerBody>("POST", `${path}/messages`, asked, { "idempotency-key": `${id} 1` })).body;
    server.emulator.play({ text: "Another porcupine, too", chunks: 5 });
    const streamed = await send(`${path}/messages`, more, { "idempotency-key": `${id} 2` });
    const turns = [version.turn.id, streamed.location!.split("/")[2]!];
    const doors: Record<string, () => Promise<{ status: number; text: string }>> = {
      history: () => send(`${path}/history?tip=${version.reply.id}`),
      "replay of JSON": () => send(`${path}/messages`, asked, { "idempotency-key": `${id} 1` }),
      "replay of JSON as a stream": () =>
        send(`${path}/messages`, asked, { "idempotency-key": `${id} 1`, accept: "text/event-stream" }),
      "replay of a stream": () => send(`${path}/messages`, more, { "idempotency-key": `${id} 2` }),
    };
    for (const turn of turns)
      Object.assign(doors, {
        [`events of ${turn}`]: () => send(`/turns/${turn}/events`),
        [`events of ${turn} from 2 on`]: () => send(`/turns/${turn}/events?after=2`),
        [`events of ${turn} resumed`]: () => send(`/turns/${turn}/events`, undefined, { "last-event-id": "1" }),
      });
    const state: typeof doors = {};
    for (const turn of turns) {
      state[`state of ${turn}`] = () => send(`/turns/${turn}`);
      state[`stop of ${turn}`] = () => send(`/turns/${turn}/stop`, {});
    }
    const receipts = async () => Promise.all(turns.map((turn) => send(`/turns/${turn}/receipt`)));
    return { path, version, doors, state, receipts };
  }
  async function send(path: string, body?: object, headers: Record<string, string> = {}) {
    const init = body && { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${server.url}${path}`, {
      ...init,
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    });
    return { status: answer.status, text: await answer.text(), location: answer.headers.get("location") };
  }
  const calls = () => server.emulator.generateCalls().length;

  async function expectOpen(doors: Awaited<ReturnType<typeof converse>>["doors"]) {
    for (const [door, open] of Object.entries(doors)) {
      const { status, text } = await open();
      expect({ door, status: Math.floor(status / 100), text }).toEqual({
        door,
        status: 2,
        text: expect.stringMatching(word),
      });
    }
  }
  async function expectShut(doors: Awaited<ReturnType<typeof converse>>["doors"], detail: RegExp) {
    for (const [door, open] of Object.entries(doors)) {
      const { status, text } = await open();
      expect({ door, status, text }).toEqual({ door, status: 404, text: expect.not.stringMatching(word) });
      if (door !== "history")
        expect(JSON.parse(text)).toMatchObject({ code: "not_found", detail: expect.stringMatching(detail) });
    }
  }

  test("a version that is deleted, and what followed it, is behind no door until it is restored; nobody is asked again, and the books stay", async () => {
    const { path, version, doors, state, receipts } = await converse();
    await expectOpen(doors);
    const [asked, books, receiptsBefore] = [calls(), await server.store.sumBooks(), await receipts()];
    const cost = (await ask<SessionBody>("GET", path)).body.cost;
    expect((await ask("DELETE", `${path}/messages/${version.message.id}`)).status).toBe(200);
    await expectShut({ ...doors, ...state }, /deleted with a version/);
    expect(await receipts()).toEqual(receiptsBefore);
    expect((await ask<SessionBody>("GET", path)).body.cost).toEqual(cost);
    expect(await server.store.sumBooks()).toEqual(books);
    expect((await ask("POST", `${path}/messages/${version.message.id}/restore`)).status).toBe(200);
    await expectOpen(doors);
    for (const open of Object.values(state)) expect((await open()).status).toBe(200);
    expect(calls()).toBe(asked);
  });

  test("a version that has been deleted for TRASH_DAYS is gone for good, from the database's files too; its neighbour and the books stay", async () => {
    const { id } = await newSession(server.url);
    const messages = `/sessions/${id}/messages`;
    const [kept, gone] = [newWord(), newWord()];
    const say = async (one: string, body: object) => {
      server.emulator.play({ text: `answer ${one}`, thoughts: `thought ${one}` });
      return (await ask<AnswerBody>("POST", messages, { content: `question ${one}`, ...body })).body;
    };
    const version = await say(gone, {}); // the session bears its words, too
    await say(gone, {});
    server.emulator.play({ text: `Title ${gone}` });
    expect((await ask<SessionBody>("POST", `/sessions/${id}/title`)).body.title).toContain(gone); // a model's
    const first = await say(kept, { parent_id: null });
    const history = await send(`/sessions/${id}/history?tip=${first.reply.id}`);
    const [books, receipt] = [await server.store.sumBooks(), await send(`/turns/${version.turn.id}/receipt`)];
    const restore = () => ask("POST", `${messages}/${version.message.id}/restore`);
    for (const days of [2, 2]) {
      await ask("DELETE", `${messages}/${version.message.id}`);
      offset += days * day;
      await server.eraser.sweep();
      expect((await restore()).status).toBe(200); // taken back, it has all its time again
    }
    await ask("DELETE", `${messages}/${version.message.id}`);
    offset += 3 * day + 1_000;
    await server.eraser.sweep();
    expect((await restore()).status).toBe(404);
    await waitUntilGone(databaseUrl, gone);
    expect(JSON.parse((await send(`/sessions/${id}/history`)).text).data.map(({ id }: { id: string }) => id)).toEqual([
      ...[first.message.id, first.reply.id],
    ]);
    expect((await send(`/sessions/${id}/history`)).text).toContain(`question ${kept}`);
    expect(history.text).toContain(`answer ${kept}`);
    expect((await send(`/turns/${version.turn.id}`)).status).toBe(404);
    expect(await send(`/turns/${version.turn.id}/receipt`)).toEqual(receipt);
    expect(await server.store.sumBooks()).toEqual(books);
    expect((await say(kept, { parent_id: null })).message.siblings.count).toBe(1);
    const lines = (await server.store.listAudit(commandCaller, { limit: 9, action: "versions.swept" })).data;
    expect(lines).toEqual([{ ...lines[0]!, project: "default", keyId: null, target: null, count: 1 }]);
  });

  test.each([false, true])(
    "a version that is purged, deleted before: %p, is behind no door; asked again it is the same, and receipts and books stay",
    async (before) => {
      const { path, version, doors, state, receipts } = await converse();
      const { "replay of JSON": replay, ...rest } = doors;
      const shut = Object.entries(rest).filter(([door]) => !door.startsWith("replay"));
      const [books, receiptsBefore] = [await server.store.sumBooks(), await receipts()];
      const cost = (await ask<SessionBody>("GET", path)).body.cost;
      const message = `${path}/messages/${version.message.id}`;
      if (before) expect((await ask("DELETE", message)).status).toBe(200);
      const { version: now } = (await ask<SessionBody>("GET", path)).body;
      const purge = (ifVersion: number) =>
        ask("DELETE", `${message}?purge=true`, undefined, { "if-match": `"v${ifVersion}"` });
      expect((await purge(now - 1)).status).toBe(412);
      expect((await purge(now)).status).toBe(204);
      for (let again = 0; again < 2; again++) expect((await ask("DELETE", `${message}?purge=true`)).status).toBe(204);
      await expectShut({ ...Object.fromEntries(shut), ...state }, /deleted with a version/);
      expect((await ask("POST", `${message}/restore`)).status).toBe(404);
      expect(await receipts()).toEqual(receiptsBefore);
      expect((await ask<SessionBody>("GET", path)).body.cost).toEqual(cost);
      expect(await server.store.sumBooks()).toEqual(books);
      const lines = (await server.store.listAudit(commandCaller, { limit: 100, action: "version.purged" })).data;
      expect(lines.filter(({ target }) => target === version.message.id)).toEqual([
        expect.objectContaining({ project: "default", keyId: null, count: 1 }),
      ]);
      const asked = calls();
      expect(JSON.parse((await replay!()).text).turn.id).not.toBe(version.turn.id); // its key is free
      expect(calls()).toBe(asked + 1);
    },
  );

  test("a version's words leave the files with its purge, those of what was deleted in it before, too; what is not a version is left alone", async () => {
    const { id } = await newSession(server.url);
    const messages = `/sessions/${id}/messages`;
    const [kept, gone] = [newWord(), newWord()];
    const say = async (one: string, body: object) => {
      server.emulator.play({ text: `answer ${one}` });
      return (await ask<AnswerBody>("POST", messages, { content: `question ${one}`, ...body })).body;
    };
    const purge = (message: string) => ask("DELETE", `${messages}/${message}?purge=true`);
    const first = await say(kept, {});
    expect((await purge(first.message.id)).body.code).toBe("conflict");
    const version = await say(gone, { parent_id: null });
    const below = { parent_id: version.reply.id };
    const [stays, inner] = [await say(`${gone} a`, below), await say(`${gone} b`, below)];
    await say(`${gone} c`, { parent_id: inner.reply.id });
    const innermost = await say(`${gone} d`, { parent_id: inner.reply.id });
    await ask("DELETE", `${messages}/${inner.message.id}`);
    expect((await purge(innermost.message.id)).status).toBe(404); // it went with another, and so it
    expect((await ask("POST", `${messages}/${innermost.message.id}/restore`)).status).toBe(404); // comes back
    expect((await purge(version.message.id)).status).toBe(204);
    for (const { message } of [version, inner, innermost, stays])
      expect((await ask("POST", `${messages}/${message.id}/restore`)).status).toBe(404);
    await waitUntilGone(databaseUrl, gone);
    expect((await send(`/sessions/${id}/history`)).text).toContain(`answer ${kept}`);
    offset += 3 * day + 1_000;
    const swept = async () =>
      (await server.store.listAudit(commandCaller, { limit: 100, action: "versions.swept" })).data.length;
    const before = await swept();
    await server.eraser.sweep();
    expect(await swept()).toBe(before); // nothing was left for it
  });

  test("a session that bears a question's words loses them with the question, and has them back with it; a name that was given stays", async () => {
    const { id } = await newSession(server.url);
    const ask1 = (content: string) =>
      ask<AnswerBody>("POST", `/sessions/${id}/messages`, { content, parent_id: null }).then(
        ({ body }) => body.message.id,
      );
    const [first, second, third] = [await ask1("Which hedgehog?"), await ask1("Which animal?"), await ask1("And why?")];
    const title = async () => (await ask<SessionBody>("GET", `/sessions/${id}`)).body.title;
    const found = async () => (await ask<{ data: SessionBody[] }>("GET", "/sessions?q=hedgehog")).body.data.length;
    const remove = (message: string) => ask("DELETE", `/sessions/${id}/messages/${message}`);
    const restore = (message: string) => ask("POST", `/sessions/${id}/messages/${message}/restore`);
    expect([await title(), await found()]).toEqual(["Which hedgehog?", 1]);
    await remove(second);
    expect(await title()).toBe("Which hedgehog?");
    await remove(first);
    expect([await title(), await found()]).toEqual(["And why?", 0]);
    await restore(second);
    expect(await title()).toBe("Which animal?");
    await restore(first);
    expect([await title(), await found()]).toEqual(["Which hedgehog?", 1]);
    await remove(third);
    await restore(third);
    expect(await title()).toBe("Which hedgehog?");
    await ask("PATCH", `/sessions/${id}`, { title: "My hedgehog" });
    await remove(first);
    expect(await title()).toBe("My hedgehog");
  });

  test("a title that a model made of a version goes and comes back with it, and not with another; with its purge it is gone for good", async () => {
    const { id } = await newSession(server.url);
    const word = newWord();
    const path = `/sessions/${id}`;
    const say = async (content: string, parent: string | null) =>
      (await ask<AnswerBody>("POST", `${path}/messages`, { content, parent_id: parent })).body;
    const name = async (text: string) => {
      server.emulator.play({ text });
      expect((await ask<SessionBody>("POST", `${path}/title`)).body.title).toBe(text);
    };
    const title = async () => (await ask<SessionBody>("GET", path)).body.title;
    const found = async () => (await ask<{ data: SessionBody[] }>("GET", `/sessions?q=${word}`)).body.data.length;
    const remove = (one: AnswerBody) => ask("DELETE", `${path}/messages/${one.message.id}`);
    const restore = (one: AnswerBody) => ask("POST", `${path}/messages/${one.message.id}/restore`);
    await say("Which animal?", null);
    const other = await say("Which bird?", null);
    const where = await say("And where?", other.reply.id);
    const when = await say("And when?", other.reply.id);
    await name(`About ${word}`);
    for (const [one, left] of [
      [when, "Which bird?"], // its path still begins there
      [other, "Which animal?"],
    ] as const) {
      await remove(one);
      expect([await title(), await found()]).toEqual([left, 0]);
      await restore(one);
      expect([await title(), await found()]).toEqual([`About ${word}`, 1]);
    }
    await remove(where);
    expect(await title()).toBe(`About ${word}`);
    await ask("PATCH", path, { title: "Mine" });
    for (const change of [remove, restore]) {
      await change(other);
      expect(await title()).toBe("Mine");
    }
    await name(`Again ${word}`);
    await ask("DELETE", `${path}/messages/${other.message.id}?purge=true`);
    expect(await title()).toBe("Which animal?");
    await waitUntilGone(databaseUrl, word);
  });

  test("what the trash has kept for its time is behind no door, a deleted version neither; until then the trash can be read", async () => {
    const { path, version, doors, state, receipts } = await converse();
    const other = await converse();
    await ask("DELETE", `${other.path}/messages/${other.version.message.id}`);
    const [asked, books] = [calls(), await server.store.sumBooks()];
    for (const one of [path, other.path]) await ask("DELETE", one);
    await expectOpen(doors);
    await expectShut({ ...other.doors, ...other.state }, /deleted with a version/);
    offset += 3 * day + 1_000;
    await server.eraser.sweep();
    for (const one of [doors, state, other.doors, other.state]) await expectShut(one, /no such/);
    for (const receipt of await receipts()) expect(receipt.status).toBe(404);
    for (const one of [{ path, version }, other])
      expect((await ask("POST", `${one.path}/messages/${one.version.message.id}/restore`)).status).toBe(404);
    expect(calls()).toBe(asked);
    expect(await server.store.sumBooks()).toEqual(books);
  });

  test("a turn whose words are erased with a person tells none of them through any door", async () => {
    const { id } = await newSession(server.url);
    const asked = { content: "Which porcupine?", user: "Iryna" };
    const key = { "idempotency-key": id };
    server.emulator.play({ fault: "model-armor", text: "porcupine ".repeat(9), chunks: 3 });
    const { turn } = (await ask<AnswerBody>("POST", `/sessions/${id}/messages`, asked, key)).body;
    expect((await ask("DELETE", "/sessions?purge=true&user=Iryna")).status).toBe(200);
    for (const path of [
      `/sessions/${id}/history`,
      `/sessions/${id}/export`,
      ...["", "/events", "/events?after=2", "/receipt"].map((end) => `/turns/${turn.id}${end}`),
    ]) {
      const { status, text } = await send(path);
      expect({ path, status: Math.floor(status / 100), text }).toEqual({
        path,
        status: 2,
        text: expect.not.stringMatching(word),
      });
    }
  });
});
