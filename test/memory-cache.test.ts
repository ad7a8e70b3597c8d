// What is remembered beside the database is exactly what the database would have said.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rememberConversations } from "../src/database/memory-cache.ts";
import { type OpenTurn, StaleSession, type Store } from "../src/store.ts";
import type { EndStatus } from "../src/turn/turn.ts";
import { closeInput, newSession, type Opened, openInput } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

/** One turn: in which of three sessions, after which of its replies (0: the newest), and how it ends. */
const turn = fc.record({
  session: fc.integer({ min: 0, max: 2 }),
  goBack: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) }),
  status: fc.constantFrom<EndStatus>("complete", "complete", "failed", "stopped", "interrupted"),
  text: fc.constantFrom("", "an answer", "ends in half a pair \ud83d", "відповідь"),
  vendorParts: fc.constantFrom(null, null, '[{"text":"x","thoughtSignature":"c2ln"}]'),
  forget: fc.integer({ min: 0, max: 3 }),
  elsewhere: fc.boolean(),
});

describe.each(storeEngines)("on %s", (_name, openFixture) => {
  test.each([[1_000_000], [600]])(
    "over random lives with at most %d characters, every reading equals the database's",
    async (most) => {
      const { store } = await openFixture();
      await fc.assert(
        fc.asyncProperty(fc.array(turn, { maxLength: 25 }), async (turns) => {
          const remembering = rememberConversations(store, most);
          const sessions = await Promise.all(
            [0, 1, 2].map(async () => ({ id: (await newSession(store)).id, replies: [] as string[] })),
          );
          for (const { session, goBack, status, text, vendorParts, forget, elsewhere } of turns) {
            const { id, replies } = sessions[session]!;
            const parentId = goBack === 0 ? undefined : (replies.at(-1 - goBack) ?? null);
            const through = elsewhere ? store : remembering; // another process's turns do not pass through here
            const opened = await openAsKnown(through, id, { content: `${replies.length} \ud83d`, parentId });
            expect(opened.session).toMatchObject((await store.findSession("", id))!);
            const { branch, position, from } = opened.memory;
            const rows = await remembering.readMemory(id, branch, position, from);
            expect(rows).toEqual(await store.readMemory(id, branch, position, from));
            const laterFrom = Math.min(from + 2 * forget, position);
            const memory = { from: laterFrom, promptEstimate: 1, promptTokens: 1 };
            const closed = await through.closeTurn(closeInput(opened, [], { status, text, vendorParts, memory }));
            expect(closed!.session).toMatchObject((await store.findSession("", id))!);
            expect(closed!.session).toEqual({ ...(await store.peekSession("", id))!, tipMessageId: closed!.reply.id });
            replies.push(closed!.reply.id);
          }
        }),
        { numRuns: 25 },
      );
    },
  );
});

/** As turns.ts does it: by what the store knows of the session, and once more by what is there if that was old. */
async function openAsKnown(store: Store, id: string, change: Partial<OpenTurn>): Promise<Opened> {
  for (let tries = 1; ; tries++) {
    try {
      const known = await store.peekSession("", id);
      return (await store.openTurn(openInput(id, { ...change, known }))) as Opened;
    } catch (cause) {
      if (!(cause instanceof StaleSession) || tries === 2) throw cause;
    }
  }
}

test("a session that was changed elsewhere is found out at the next turn; nobody else's is ever told", async () => {
  const [, openFixture] = storeEngines[0]!;
  const { store } = await openFixture();
  const remembering = rememberConversations(store, 1_000_000);
  const session = await newSession(store);
  const first = await openAsKnown(remembering, session.id, {});
  await remembering.readMemory(session.id, 0, 0, 0);
  const memory = { from: 0, promptEstimate: 1, promptTokens: 1 };
  await remembering.closeTurn(closeInput(first, [], { memory }));
  expect(await remembering.peekSession("somebody else", session.id)).toBeUndefined();
  await store.updateSession("", session.id, { model: "another" }, 1);
  expect((await remembering.peekSession("", session.id))?.model).toBeNull();
  const second = await openAsKnown(remembering, session.id, {});
  expect(second.session.model).toBe("another");
  await remembering.closeTurn(closeInput(second, [], { memory }));
  await remembering.updateSession("", session.id, { model: "a third" }, 1);
  expect((await remembering.peekSession("", session.id))?.model).toBe("a third");
});

test("of a conversation that goes on elsewhere, only what was added there is read, and counted among what is kept", async () => {
  const [, openFixture] = storeEngines[0]!;
  const { store } = await openFixture();
  const read: string[] = [];
  const noting = {
    ...store,
    async readMemory(...asked: Parameters<typeof store.readMemory>) {
      const rows = await store.readMemory(...asked);
      read.push(rows.map(({ position }) => position).join(" "));
      return rows;
    },
  };
  const here = rememberConversations(noting, 1_000_000);
  const there = rememberConversations(store, 1_000_000);
  const { id } = await newSession(store);
  const speak = async (through: Store, from: number, nextFrom: number) => {
    const opened = await openAsKnown(through, id, {});
    const { position } = opened.memory;
    expect(opened.memory.from).toBe(from);
    const rows = await through.readMemory(id, 0, position, from);
    expect(rows.map((row) => row.position)).toEqual(Array.from({ length: position - from }, (_, at) => from + at));
    const memory = { from: nextFrom, promptEstimate: 1, promptTokens: 1 };
    await through.closeTurn(closeInput(opened, [], { memory }));
  };
  await speak(here, 0, 0);
  await speak(there, 0, 0);
  await speak(here, 0, 0);
  await speak(here, 0, 0);
  expect(read).toEqual(["2 3"]);
  await speak(there, 0, 0);
  await speak(there, 0, 6); // the other process has cut its memory
  await speak(here, 6, 6);
  expect(read).toEqual(["2 3", "8 9 10 11"]);
});

test("a path that fits is not read again, and one that does not fit is", async () => {
  const [, openFixture] = storeEngines[0]!;
  const { store } = await openFixture();
  let reads = 0;
  const counting = {
    ...store,
    readMemory(...asked: Parameters<typeof store.readMemory>) {
      reads++;
      return store.readMemory(...asked);
    },
  };
  for (const [most, expected] of [
    [1_000_000, 0],
    [100, 4],
  ] as const) {
    reads = 0;
    const remembering = rememberConversations(counting, most);
    const session = await newSession(store);
    for (let n = 0; n < 5; n++) {
      const opened = (await remembering.openTurn(openInput(session.id))) as Opened;
      expect(await remembering.readMemory(session.id, 0, opened.memory.position, 0)).toHaveLength(2 * n);
      const memory = { from: 0, promptEstimate: 1, promptTokens: 1 };
      await remembering.closeTurn(closeInput(opened, [], { text: "an answer that is a little longer", memory }));
    }
    expect(reads).toBe(expected);
  }
});

test("turns under way count too: what does not fit beside them is not kept while they run", async () => {
  const [, openFixture] = storeEngines[0]!;
  const { store } = await openFixture();
  const [question, answer] = ["a question", "an answer"];
  const memory = { from: 0, promptEstimate: 1, promptTokens: 1 };
  const sessions = await Promise.all([0, 1, 2].map(() => newSession(store)));
  const speakIn = async (through: Store, id: string) => {
    const opened = await openAsKnown(through, id, { content: question });
    const { branch, position, from } = opened.memory;
    expect(await through.readMemory(id, branch, position, from)).toEqual(
      await store.readMemory(id, branch, position, from),
    );
    return () => through.closeTurn(closeInput(opened, [], { text: answer, memory }));
  };
  for (const { id } of [...sessions, ...sessions]) await (await speakIn(store, id))();
  const read: string[] = [];
  const noting = {
    ...store,
    readMemory(...asked: Parameters<typeof store.readMemory>) {
      read.push(asked[0]);
      return store.readMemory(...asked);
    },
  };
  const [first, second, third] = sessions.map(({ id }) => id) as [string, string, string];
  const turnCharacters = question.length + answer.length + 200;
  const remembering = rememberConversations(noting, 3 * turnCharacters); // less than two conversations of two turns each
  const ends = [];
  for (const id of [first, second, third]) ends.push(await speakIn(remembering, id));
  for (const end of ends) await end();
  expect(read).toEqual([first, second, third]);
  for (const id of [first, second, third]) await (await speakIn(remembering, id))();
  expect(read.slice(3)).toEqual([second, third]);
});
