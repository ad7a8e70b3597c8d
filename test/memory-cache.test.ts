// What is remembered beside the database is exactly what the database would have said.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rememberConversations } from "../src/memory-cache.ts";
import type { EndStatus } from "../src/turn-state.ts";
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
            const opened = (await through.openTurn(
              openInput(id, { content: `${replies.length} \ud83d`, parentId }),
            )) as Opened;
            const { branch, position, from } = opened.memory;
            const rows = await remembering.readMemory(id, branch, position, from);
            expect(rows).toEqual(await store.readMemory(id, branch, position, from));
            const laterFrom = Math.min(from + 2 * forget, position);
            const memory = { from: laterFrom, promptEstimate: 1, promptTokens: 1 };
            const closed = await through.closeTurn(closeInput(opened, [], { status, text, vendorParts, memory }));
            replies.push(closed!.reply.id);
          }
        }),
        { numRuns: 25 },
      );
    },
  );
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
