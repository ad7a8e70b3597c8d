// Branches, pins and the order of the list over HTTP: a client finds every version of what was said, and goes on from any of them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type AnswerBody,
  call,
  collect,
  type HistoryBody,
  newSession,
  openStream,
  type ProblemBody,
  readHistory,
  type SessionBody,
  say,
} from "./client.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const alone = { index: 1, count: 1, previous_id: null, next_id: null };

describe.each(engines)("on %s", (_name, createDatabase) => {
  let server: HttpServer;
  let session: SessionBody;
  let first: AnswerBody;
  let second: AnswerBody;
  let again: AnswerBody;
  let edited: AnswerBody;
  beforeAll(async () => {
    server = await startHttp({ databaseUrl: await createDatabase(), providerMs: 20_000 });
    session = await newSession(server.url);
    first = await send({ content: "What goes into borscht?" });
    second = await send({ content: "And after that?" });
    again = await send({ content: "And after that?", parent_id: first.reply.id });
    edited = await send({ content: "And before that?", parent_id: first.reply.id });
  });
  afterAll(() => server.stop());

  const ask = <T>(method: string, path: string, body?: unknown) => call<T>(`${server.url}${path}`, method, body);
  const patch = (body: object) => ask<SessionBody & ProblemBody>("PATCH", `/sessions/${session.id}`, body);
  async function send(body: object): Promise<AnswerBody> {
    const answer = await say(server.url, session.id, body);
    expect(answer.status).toBe(201);
    return answer.body as AnswerBody;
  }
  const contents = ({ data }: HistoryBody) => data.filter(({ role }) => role === "user").map(({ content }) => content);

  test("a question sent again is another answer, one with other words another question", async () => {
    const { data } = await readHistory(server.url, session.id);
    expect(data.map(({ siblings }) => siblings)).toEqual([
      alone,
      alone,
      { index: 2, count: 2, previous_id: again.message.id, next_id: null },
      alone,
    ]);
    const { body } = await ask<HistoryBody>("GET", `/sessions/${session.id}/history?tip=${second.reply.id}`);
    expect(body.data.map(({ id }) => id)).toEqual([
      ...[first.message.id, first.reply.id, second.message.id, second.reply.id],
    ]);
    const [, , question, answer] = body.data;
    expect(question!.siblings).toEqual({ index: 1, count: 2, previous_id: null, next_id: edited.message.id });
    expect(answer!.siblings).toEqual({ index: 1, count: 2, previous_id: null, next_id: again.reply.id });
  });

  test("an answer says how it ended, at its end and in the history alike", async () => {
    const { data } = await readHistory(server.url, session.id);
    expect(data.map(({ finish_reason, notices }) => [finish_reason, notices])).toEqual([
      ...[
        [null, []],
        ["stop", []],
        [null, []],
        ["stop", []],
      ],
    ] as [string | null, []][]);
    expect(data.at(-1)).toEqual(edited.reply);
    const parts = await collect(await openStream(server.url, session.id, { content: "streamed" }));
    const history = await readHistory(server.url, session.id);
    expect(history.data.at(-1)).toEqual(parts.at(-1)!.data.reply!);
    await patch({ tip: edited.reply.id });
  });

  test("what is hidden and what is shown are all that was paid", async () => {
    const { session: whole, data, hidden } = await readHistory(server.url, session.id);
    const pico = (usd: string) => BigInt(usd.replace(".", "").padEnd(usd.indexOf(".") + 12, "0"));
    const shown = data.flatMap(({ cost }) => cost?.total ?? []).map(pico);
    const sum = shown.reduce((one, other) => one + other, pico(hidden!.cost.total!));
    expect(sum).toBe(pico(whole.cost.total!));
    expect(hidden!.turns).toBe(2);
    const { body } = await ask<HistoryBody>("GET", `/sessions/${session.id}/history?limit=2&after=${data[0]!.id}`);
    expect(body.hidden).toBeNull();
  });

  test("another branch becomes the current one, and the next message goes on from it, with its words before it", async () => {
    expect((await patch({ tip: second.message.id })).status).toBe(200);
    expect(contents(await readHistory(server.url, session.id))).toEqual(["What goes into borscht?", "And after that?"]);
    const next = await send({ content: "Go on." });
    expect(next.message.parent_id).toBe(second.reply.id);
    const sent = JSON.stringify(server.emulator.generateCalls().at(-1)!.body);
    expect(sent).toContain("And after that?");
    expect(sent).not.toContain("And before that?");
    expect((await patch({ tip: edited.reply.id })).status).toBe(200);
    await send({ content: "Go on." });
    expect(JSON.stringify(server.emulator.generateCalls().at(-1)!.body)).toContain("And before that?");
    // A message that something follows: the path goes on to the newest end.
    await patch({ tip: second.reply.id });
    expect(contents(await readHistory(server.url, session.id))).toEqual([
      ...["What goes into borscht?", "And after that?", "Go on."],
    ]);
  });

  test("no branch is chosen under a running turn, nor by what is not there", async () => {
    server.emulator.play({ fault: "stall", text: "words, then silence", chunks: 6, after: 3 });
    const events = await openStream(server.url, session.id, { content: "slow" });
    const turnId = (await events.next()).value!.data.turn_id as string;
    const refused = await patch({ tip: first.reply.id });
    expect([refused.status, refused.body.code, refused.body.running_turn_id]).toEqual([
      ...[409, "turn_in_progress", turnId],
    ] as [number, string, string]);
    await events.return();
    await ask("POST", `/turns/${turnId}/stop`, { hard: true });
    expect((await patch({ tip: turnId })).status).toBe(404);
    expect((await patch({ tip: "x" })).status).toBe(422);
    expect((await ask("GET", `/sessions/${session.id}/history?tip=${turnId}`)).status).toBe(404);
  });

  test("pinned sessions are a list of their own, and a pin moves nothing", async () => {
    const made: string[] = [];
    for (let at = 0; at < 4; at++) made.unshift((await newSession(server.url, { user: "pinning" })).id);
    const list = async (query: string) =>
      (await ask<{ data: SessionBody[] }>("GET", `/sessions?user=pinning&${query}`)).body.data;
    const { body } = await ask<SessionBody>("PATCH", `/sessions/${made[3]}`, { pinned: true });
    expect(body.pinned).toBe(true);
    expect((await list("pinned=true")).map(({ id }) => id)).toEqual([made[3]!]);
    expect((await list("")).map(({ id }) => id)).toEqual(made);
    await say(server.url, made[2]!, { content: "hi" });
    const [newest, next] = await list("limit=2");
    expect([newest!.id, next!.id]).toEqual([made[2]!, made[0]!]);
    expect((await list("order=created")).map(({ id }) => id)).toEqual(made);
    await say(server.url, made[0]!, { content: "hi" });
    const rest = await list(`after=${made[0]}&at=${next!.active_at}`);
    expect(rest.map(({ id }) => id)).toEqual([made[1]!, made[3]!]);
    for (const query of [
      "q=x&order=created",
      `at=${next!.active_at}`,
      `after=${made[0]}&order=created&at=${next!.active_at}`,
    ])
      expect((await ask("GET", `/sessions?${query}`)).status).toBe(422);
  });

  describe("a version that is deleted", () => {
    let path: string;
    let one: AnswerBody;
    let two: AnswerBody;
    let after: AnswerBody;
    const remove = (id: string) => ask<SessionBody & ProblemBody>("DELETE", `${path}/messages/${id}`);
    const restore = (id: string) => ask<SessionBody & ProblemBody>("POST", `${path}/messages/${id}/restore`);
    const history = async () => (await ask<HistoryBody>("GET", `${path}/history`)).body;
    const find = async (word: string) =>
      (await ask<{ data: SessionBody[] }>("GET", `/sessions?q=${word}`)).body.data.map(({ id }) => id);
    beforeAll(async () => {
      const made = await newSession(server.url);
      path = `/sessions/${made.id}`;
      const into = async (body: object) => (await say(server.url, made.id, body)).body as AnswerBody;
      one = await into({ content: "Which is the capital?" });
      server.emulator.play({ text: "Porcupine the second" });
      two = await into({ content: "Which is the capital?", parent_id: null });
      server.emulator.play({ text: "Wombat after the second" });
      after = await into({ content: "And its river?" });
    });

    test("goes with all that follows it, everywhere, and what it cost stays", async () => {
      const before = await history();
      expect(await find("wombat")).toEqual([before.session.id]);
      const { status, body } = await remove(two.reply.id);
      expect([status, body.version]).toEqual([200, before.session.version + 1]);
      expect(body.cost).toEqual(before.session.cost);
      const now = await history();
      expect(now.data.map(({ id }) => id)).toEqual([one.message.id, one.reply.id]);
      expect(now.data.map(({ siblings }) => siblings)).toEqual([alone, alone]);
      expect(now.hidden!.turns).toBe(2);
      for (const word of ["porcupine", "wombat"]) expect(await find(word)).toEqual([]);
      for (const id of [two.message.id, two.reply.id, after.reply.id]) {
        expect((await ask("GET", `${path}/history?tip=${id}`)).status).toBe(404);
        expect((await ask("PATCH", path, { tip: id })).status).toBe(404);
        expect((await ask("POST", `${path}/quote`, { content: "x", parent_id: id })).status).toBe(404);
        expect((await ask("POST", `${path}/messages`, { content: "x", parent_id: id })).status).toBe(404);
        expect((await remove(id)).status).toBe(404);
      }
      for (const format of ["json", "markdown"]) {
        const file = await fetch(`${server.url}${path}/export?format=${format}`);
        expect(await file.text()).not.toMatch(/Porcupine|Wombat/);
      }
      // The turn and its receipt are the books'.
      expect((await ask("GET", `/turns/${two.turn.id}/receipt`)).status).toBe(200);
    });

    test("is not what the model remembers", async () => {
      await ask("POST", `${path}/messages`, { content: "Go on." });
      const sent = JSON.stringify(server.emulator.generateCalls().at(-1)!.body);
      expect(sent).toContain(one.reply.content.slice(0, 10));
      expect(sent).not.toMatch(/Porcupine|Wombat/);
    });

    test("comes back with what followed it, and is what the model remembers then", async () => {
      expect((await restore(after.reply.id)).status).toBe(404); // it went with the other
      expect((await restore(two.reply.id)).status).toBe(200);
      expect((await history()).data.map(({ id }) => id)).toEqual([
        ...[two.message.id, two.reply.id, after.message.id, after.reply.id],
      ]);
      expect(await find("wombat")).toHaveLength(1);
      const { version } = (await history()).session;
      expect((await restore(two.reply.id)).body.version).toBe(version);
      await ask("POST", `${path}/messages`, { content: "Go on." });
      expect(JSON.stringify(server.emulator.generateCalls().at(-1)!.body)).toContain("Wombat after the second");
    });

    test("is refused where it is the only one, in the trash, under a running turn, at another version", async () => {
      for (const id of [after.reply.id, after.message.id, two.message.id]) {
        const refused = await remove(id);
        expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
      }
      const stale = await call<ProblemBody>(`${server.url}${path}/messages/${two.reply.id}`, "DELETE", undefined, {
        "if-match": '"v1"',
      });
      expect(stale.status).toBe(412);
      server.emulator.play({ fault: "stall", text: "words, then silence", chunks: 6, after: 3 });
      const id = path.split("/")[2]!;
      const events = await openStream(server.url, id, { content: "slow" });
      const turnId = (await events.next()).value!.data.turn_id as string;
      for (const refused of [await remove(two.reply.id), await remove(one.reply.id)])
        expect([refused.status, refused.body.code]).toEqual([409, "turn_in_progress"]);
      await events.return();
      await ask("POST", `/turns/${turnId}/stop`, { hard: true });
      await ask("DELETE", path);
      expect((await remove(two.reply.id)).body.code).toBe("conflict");
      await ask("POST", `${path}/restore`);
      expect((await remove("x")).status).toBe(404);
      const { version } = (await history()).session;
      expect((await remove(one.reply.id)).body.version).toBe(version + 1);
      // A version that was not on the path leaves it as it is.
      expect((await history()).data[1]!.id).toBe(two.reply.id);
      expect((await history()).data[1]!.siblings).toEqual(alone);
    });
  });
});
