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
});
