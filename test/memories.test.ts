// What is remembered of a conversation is exactly what the database would have said, printed once.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Memories } from "../src/conversation/memories.ts";
import { PrintedPath } from "../src/conversation/path.ts";
import type { PrintTurn } from "../src/provider.ts";
import { type OpenTurn, type SessionState, StaleSession, type Store, type Stretch } from "../src/store.ts";
import type { EndStatus } from "../src/turn/turn.ts";
import { closeInput, newSession, type Opened, openInput } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

const print: PrintTurn = (question, answer, parts) => `${JSON.stringify([question, answer, parts])},`;
const plenty = 10_000_000;

/** One turn: in which of three sessions, after which of its replies (0: the newest), and how it ends. */
const turn = fc.record({
  session: fc.integer({ min: 0, max: 2 }),
  goBack: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) }),
  status: fc.constantFrom<EndStatus>("complete", "complete", "failed", "stopped", "interrupted"),
  text: fc.constantFrom("", "an answer", "ends in half a pair \ud83d", "відповідь"),
  vendorParts: fc.constantFrom(null, null, '[{"text":"x","thoughtSignature":"c2ln"}]'),
  model: fc.constantFrom("one-001", "one-001", "two"),
  forget: fc.integer({ min: 0, max: 2 }),
  elsewhere: fc.boolean(),
});

/** What a model is to be shown, read and printed anew. */
async function readPath(store: Store, session: SessionState, model: string): Promise<PrintedPath> {
  const path = new PrintedPath(session.memoryFrom, model, print);
  for (const past of await store.readMemory(stretchOf(session))) path.add(past);
  return path;
}
const stretchOf = ({ row, tipBranch, tipPosition, memoryFrom }: SessionState): Stretch => ({
  ...{ session: row, branch: tipBranch, position: tipPosition, from: memoryFrom },
});
const shown = (path: PrintedPath) => ({
  text: Buffer.from(path.printFrom(0)).toString(),
  ...{ tokens: path.tokens, waiting: path.waiting, waitingTokens: path.waitingTokens, from: path.from },
});

/** As turns.ts does it: by what is known of the session, and once more by what is there if that was old. */
async function openAsKnown(
  store: Store,
  memories: Memories,
  id: string,
  change: Partial<OpenTurn> = {},
): Promise<Opened> {
  for (let tries = 1; ; tries++) {
    try {
      const known = memories.recall("", id) ?? (await store.peekSession("", id));
      return (await store.openTurn(openInput(id, { ...change, known }))) as Opened;
    } catch (cause) {
      if (!(cause instanceof StaleSession) || tries === 2) throw cause;
      memories.forget(id);
    }
  }
}

type End = Parameters<typeof closeInput>[2];
/** A turn from its opening to its end, as running.ts does it; `check` sees the way to it. */
async function speak(
  store: Store,
  memories: Memories,
  id: string,
  { model = "one-001", change, end }: { model?: string; change?: Partial<OpenTurn>; end?: End } = {},
  check: (opened: Opened, path: PrintedPath) => unknown = () => {},
) {
  const opened = await openAsKnown(store, memories, id, change);
  const path = await memories.take(opened.session, model);
  await check(opened, path);
  const kept = memories.stays(path);
  const input = closeInput(opened, [], { memory: remember(opened.session.memoryFrom), ...end });
  const closed = (await store.closeTurn(input))!;
  if (kept && !path.canCutBefore(input.memory!.from)) memories.letGo(path);
  else if (kept) {
    const { status, finishReason, vendorParts, modelServed, question } = input;
    path.cutBefore(input.memory!.from);
    const { content: answer } = closed.reply;
    const { tipPosition: position } = opened.session;
    path.add({ position, question, answer, status, finishReason, vendorParts, modelServed });
    memories.keep("", closed.session, path);
  }
  return closed;
}
const remember = (from: number) => ({ from, promptEstimate: 1, promptTokens: 1 });

describe.each(storeEngines)("on %s", (_name, openFixture) => {
  test.each([[plenty], [140_000], [0]])(
    "over random lives in at most %d bytes, the way to every turn is what the database holds",
    async (most) => {
      const { store } = await openFixture();
      await fc.assert(
        fc.asyncProperty(fc.array(turn, { maxLength: 25 }), async (turns) => {
          const memories = new Memories(store, print, most);
          const nothing = new Memories(store, print, 0);
          const sessions = await Promise.all(
            [0, 1, 2].map(async () => ({ id: (await newSession(store)).id, replies: [] as string[] })),
          );
          for (const { session, goBack, forget, elsewhere, model, ...said } of turns) {
            const { id, replies } = sessions[session]!;
            const parentId = goBack === 0 ? undefined : (replies.at(-1 - goBack) ?? null);
            const through = elsewhere ? nothing : memories; // another process's turns do not pass through here
            const change = { content: `${replies.length} \ud83d`, parentId };
            const known = await store.peekSession("", id);
            const from = known!.memoryFrom;
            const end = { ...said, memory: remember(parentId === undefined ? from + forget : 0) };
            if (end.memory.from > known!.tipPosition + 1) end.memory.from = from;
            const closed = await speak(store, through, id, { model, change, end }, async (opened, path) => {
              expect(opened.session).toMatchObject((await store.findSession("", id))!);
              expect(shown(path)).toEqual(shown(await readPath(store, opened.session, model)));
            });
            expect(closed.session).toMatchObject((await store.findSession("", id))!);
            expect(closed.session).toEqual({ ...(await store.peekSession("", id))!, tipMessageId: closed.reply.id });
            replies.push(closed.reply.id);
          }
        }),
        { numRuns: 25 },
      );
    },
    30_000,
  );
});

const openSqlite = async () => (await storeEngines[0]![1]()).store;

/** A store that notes which turns are read for memory. */
function noteReads(store: Store): { store: Store; read: string[] } {
  const read: string[] = [];
  const readMemory = async (stretch: Stretch) => {
    const turns = await store.readMemory(stretch);
    read.push(turns.map(({ position }) => position).join(" "));
    return turns;
  };
  return { store: { ...store, readMemory }, read };
}

test("a session that was changed elsewhere is found out at the next turn; nobody else's is ever told", async () => {
  const store = await openSqlite();
  const memories = new Memories(store, print, plenty);
  const { id } = await newSession(store);
  await speak(store, memories, id);
  expect(memories.recall("somebody else", id)).toBeUndefined();
  await store.updateSession("", id, { model: "another" }, 1);
  expect(memories.recall("", id)?.model).toBeNull(); // which no one is told: a turn is opened by its version
  await speak(store, memories, id, {}, ({ session }) => expect(session.model).toBe("another"));
});

test("of a conversation that goes on elsewhere only what was added there is read", async () => {
  const { store, read } = noteReads(await openSqlite());
  const [here, there] = [new Memories(store, print, plenty), new Memories(store, print, plenty)];
  const { id } = await newSession(store);
  await speak(store, here, id);
  await speak(store, here, id);
  await speak(store, there, id);
  await speak(store, here, id);
  expect(read).toEqual(["0 1", "2"]);
  await speak(store, there, id, { end: { memory: remember(3) } }); // the other process cuts its memory
  await speak(store, here, id, {}, (_, path) => expect(path.from).toBe(3));
  expect(read).toEqual(["0 1", "2", "3", "4"]);
});

test("a conversation that went on elsewhere, and was cut there past all that is known here, begins at the cut", async () => {
  const { store, read } = noteReads(await openSqlite());
  const [here, there] = [new Memories(store, print, plenty), new Memories(store, print, plenty)];
  const { id } = await newSession(store);
  for (const through of [here, here, there]) await speak(store, through, id);
  await speak(store, there, id, { end: { memory: remember(3) } });
  const shows = async (opened: Opened, path: PrintedPath) =>
    expect(shown(path)).toEqual(shown(await readPath(store, opened.session, "one-001")));
  await speak(store, here, id, {}, shows);
  expect(read).toEqual(["0 1", "3", "3"]); // the last is the test's own
});

test("a conversation that fits is never read again, and one that does not fit is", async () => {
  for (const [most, reads] of [
    [plenty, 0],
    [100, 4],
  ] as const) {
    const { store, read } = noteReads(await openSqlite());
    const memories = new Memories(store, print, most);
    const { id } = await newSession(store);
    for (let number = 0; number < 5; number++) await speak(store, memories, id);
    expect(read).toHaveLength(reads);
    expect(memories.heldBytes).toBeLessThanOrEqual(most);
  }
});

test("the longest unused goes first, and what turns under way hold counts too", async () => {
  const { store, read } = noteReads(await openSqlite());
  const sessions = await Promise.all([0, 1, 2].map(() => newSession(store)));
  const memories = new Memories(store, print, 150_000); // two of these conversations, not three
  const [first, second, third] = sessions.map(({ id }) => id) as [string, string, string];
  for (const id of [first, second, first, third, first]) await speak(store, memories, id);
  expect(read).toEqual([]);
  await speak(store, memories, second);
  expect(read).toEqual(["0"]);
  await speak(store, memories, first, {}, async () => {
    const before = memories.heldBytes;
    await speak(store, memories, third, {}, () => expect(memories.heldBytes).toBeGreaterThan(before));
  });
  expect(memories.heldBytes).toBeLessThanOrEqual(150_000);
});

test("nothing is left of turns whose memory was let go", async () => {
  const store = await openSqlite();
  const memories = new Memories(store, print, plenty);
  const { id } = await newSession(store);
  await speak(store, memories, id);
  const opened = await openAsKnown(store, memories, id);
  const path = await memories.take(opened.session, "one-001");
  expect(memories.heldBytes).toBeGreaterThan(0);
  memories.letGo(path);
  memories.letGo(path);
  expect(memories.heldBytes).toBe(0);
});
