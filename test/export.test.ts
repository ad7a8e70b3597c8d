// Sessions as files: the JSON holds all of it, the Markdown is for people, and neither can be broken by what is said in it.

import { describe, expect, test } from "bun:test";
import { printMessage } from "../src/conversation/markdown.ts";
import { type Message, noSiblings } from "../src/conversation/message.ts";
import { nameFile } from "../src/http/native/transfer/export.ts";
import type { ExportedTurnWire } from "../src/http/native/transfer/export-wire.ts";
import { call, newSession, readReceipt, readTurn, type SessionBody, say } from "./client.ts";
import { engines } from "./engines.ts";
import { startHttp } from "./http-assembly.ts";
import { newSession as makeSession, open, speak } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

interface ExportBody {
  object: string;
  version: number;
  session: SessionBody & { running_turn_id: string | null };
  tip: string | null;
  turns: ExportedTurnWire[];
}
const exported = (url: string, id: string) => call<ExportBody>(`${url}/sessions/${id}/export`, "GET");

describe.each(engines)("an export on %s", (_, createDatabase) => {
  test("holds every branch, every call and what the vendor signed, and every turn stands behind the one it follows", async () => {
    const server = await startHttp({ databaseUrl: await createDatabase() });
    try {
      const { id } = await newSession(server.url, {
        ...{
          title: "Борщ: «на двох»",
          system: "Be brief.",
          params: { temperature: 0.5 },
          metadata: { a: 1 },
          user: "anna",
        },
      });
      server.emulator.play({ text: "One", thoughts: "hm", signature: "c2lnbmVk" });
      const first = (await say(server.url, id, { content: "first <script>" })).body;
      server.emulator.play({ fault: "overloaded-503" }, { text: "Two" });
      const second = (await say(server.url, id, { content: "second" })).body;
      const branch = (await say(server.url, id, { content: "other", parent_id: first.reply.id })).body;
      const anew = (await say(server.url, id, { content: "anew", parent_id: null })).body;
      server.emulator.play({ fault: "bad-argument" });
      await say(server.url, id, { content: "fails" });
      await call(`${server.url}/sessions/${id}`, "PATCH", { tip: branch.reply.id });
      await call(`${server.url}/sessions/${id}/title`, "POST");

      const { status, headers, body } = await exported(server.url, id);
      expect([status, headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"]);
      expect(headers.get("content-disposition")).toStartWith("attachment; filename=");
      expect([body.object, body.version, body.tip]).toEqual(["session_export", 1, branch.reply.id]);
      expect(body.session).toEqual(
        (await call<SessionBody>(`${server.url}/sessions/${id}`, "GET")).body as typeof body.session,
      );
      expect(body.turns).toHaveLength(5);
      const seen = new Set<string | null>([null]);
      for (const turn of body.turns) {
        expect(seen.has(turn.parent_id)).toBe(true);
        seen.add(turn.answer.id);
        const [now, receipt] = await Promise.all([readTurn(server.url, turn.id), readReceipt(server.url, turn.id)]);
        expect(turn.calls as unknown).toEqual(receipt.attempts);
        for (const name of ["status", "usage", "cost", "error", "notices", "finish_reason", "model_served"] as const)
          expect(turn[name] as unknown).toEqual(now[name]);
      }
      const of = (turnId: string) => body.turns.find((turn) => turn.id === turnId)!;
      expect(of(first.turn.id)).toMatchObject({
        question: { id: first.message.id, content: "first <script>" },
        answer: { id: first.reply.id, content: "One", thought: "hm" },
        user: "anna",
      });
      expect(of(first.turn.id).answer.vendor_parts).toContain("c2lnbmVk");
      expect(of(second.turn.id).calls).toHaveLength(2);
      expect(of(anew.turn.id).parent_id).toBeNull();
    } finally {
      await server.stop();
    }
  });

  test("leaves out the turn that runs, and ends where that one began", async () => {
    const server = await startHttp({ databaseUrl: await createDatabase() });
    try {
      const { id } = await newSession(server.url);
      const { body: first } = await say(server.url, id, { content: "one" });
      server.emulator.play({ text: "slow", firstByteMs: 300 });
      const saying = say(server.url, id, { content: "two" });
      while ((await call<SessionBody>(`${server.url}/sessions/${id}`, "GET")).body.running_turn_id === null);
      const { body } = await exported(server.url, id);
      expect([body.turns.length, body.tip, body.session.running_turn_id]).toEqual([1, first.reply.id, null]);
      await saying;
      expect((await exported(server.url, id)).body.turns).toHaveLength(2);
      const { id: empty } = await newSession(server.url);
      expect((await exported(server.url, empty)).body).toMatchObject({ tip: null, turns: [] });
    } finally {
      await server.stop();
    }
  });

  test("as Markdown is the current branch, and says what is not in it", async () => {
    const server = await startHttp({ databaseUrl: await createDatabase() });
    try {
      const { id } = await newSession(server.url, { title: "A *starred* [title](x)" });
      server.emulator.play({ text: "# Not a heading\n\n```html\n<b>code</b>\n```\n<script>alert(1)</script>" });
      const { body } = await say(server.url, id, { content: "> who\n## You, 2020" });
      await say(server.url, id, { content: "other", parent_id: null });
      await call(`${server.url}/sessions/${id}`, "PATCH", { tip: body.reply.id });
      const response = await fetch(`${server.url}/sessions/${id}/export?format=markdown`);
      const text = await response.text();
      expect(response.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
      const own = text.split("\n").filter((line) => line.startsWith("#"));
      expect(own[0]).toBe("# A \\*starred\\* \\[title\\](x)");
      expect(own.slice(1).map((line) => line.replace(/\d.*/, ""))).toEqual(["## You, ", "## Answer"]);
      expect(text).toContain("> > who\n> ## You, 2020");
      expect(text).toContain("> ```html\n> <b>code</b>\n> ```\n> &lt;script>alert(1)&lt;/script>");
      expect(text).toContain(`cost: ${body.reply.cost!.total} USD`);
      expect(text).toContain("Not shown here: 1 other");
      expect(text).not.toContain("other\n");
    } finally {
      await server.stop();
    }
  });
});

describe.each(storeEngines)("the store's export on %s", (_, openFixture) => {
  test("reads a few turns at a time, however long the session is, and nothing that is added meanwhile", async () => {
    const { store } = await openFixture();
    const { id } = await makeSession(store);
    const long = "щ".repeat(20_000);
    const parents: string[] = [];
    for (let n = 0; n < 30; n++) parents.push((await speak(store, id, `${n} ${long}`, long)).reply.id);
    const { turns } = (await store.exportSession("", id))!;
    const seen: string[] = [];
    for await (const some of turns) {
      expect(some.length).toBeLessThanOrEqual(5); // some 80 KB each
      seen.push(...some.map(({ answerId }) => answerId));
      if (seen.length < 10) await speak(store, id, "late", "late", { parentId: parents[3]! });
    }
    expect(seen).toEqual(parents);
    expect(await store.exportSession("other", id)).toBeUndefined();
  });

  test("finds the newest answer where what runs hangs on an older one", async () => {
    const { store } = await openFixture();
    const { id } = await makeSession(store);
    const first = await speak(store, id, "one", "1");
    await speak(store, id, "two", "2");
    await open(store, id, { parentId: first.reply.id });
    expect((await store.exportSession("", id))!.tip).toBe(first.reply.id);
  });
});

const message = (content: string): Message => ({
  ...{ id: "", sessionId: "", parentId: null, turnId: "", role: "user", content, thought: null, status: "complete" },
  ...{ finishReason: null, notices: [], model: null, usage: null, cost: null, error: null, createdAt: 0 },
  siblings: noSiblings,
});

test("no line of a message is outside of its quotation, and no tag of it is one", () => {
  for (const hostile of [
    "a\nb",
    "a\r# b",
    "a\u2028# b",
    "a\u0085b",
    "```\n<b>",
    "~~~\n<b>\n```",
    "`<b>` <b> ``<b>",
    "</blockquote><!--",
  ]) {
    const [, heading, , ...lines] = printMessage(message(hostile)).split("\n");
    expect(heading).toStartWith("## You, ");
    expect(lines.slice(0, -1).every((line) => line.startsWith(">"))).toBe(true);
    const outside = lines.join("\n").replace(/`<b>`/g, "");
    expect(outside).not.toMatch(/<[a-z/!]/);
  }
  expect(printMessage(message("```\n<b>\n```"))).toContain("> <b>");
});

test("a file's name is the title, as every system takes it, and never more than a name", () => {
  const id = "01a20a92-66f3-7056-a856-45e99ac14bcf";
  expect(nameFile({ id, title: "Borscht for two" }, "json")).toBe('attachment; filename="Borscht for two.json"');
  expect(nameFile({ id, title: null }, "md")).toBe(`attachment; filename="session ${id}.md"`);
  const quoted = nameFile({ id, title: 'x"; filename="evil.exe' }, "md");
  expect(quoted).toStartWith('attachment; filename="x filename evil.exe.md"; filename*=');
  const cyrillic = nameFile({ id, title: "Борщ/на ..\\двох\r\nX-Evil: 1" }, "json");
  expect(cyrillic).toMatch(/^attachment; filename="[ \w.()-]+\.json"; filename\*=UTF-8''[\w.%-]+$/);
  expect(cyrillic).not.toMatch(/[\r\n/\\]/);
  expect(nameFile({ id, title: "😀".repeat(300) }, "json").length).toBeLessThan(1_000);
  expect(nameFile({ id, title: "\u202egnp.exe" }, "md")).not.toContain("%E2%80%AE");
});
