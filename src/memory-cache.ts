// The newest conversations' memory, kept beside the database: a turn then reads only what is new to it, which is nothing.

import type { MemoryRow, OpenedTurn, Store } from "./store.ts";

/** A path as it stood when the reply it ends with was stored. Messages of ended turns never change, so neither does it. */
interface Remembered {
  from: number;
  rows: MemoryRow[];
  characters: number;
}

type Opened = Extract<OpenedTurn, { kind: "opened" }>;

/**
 * The same store, which answers `readMemory` from what passed through it where it can. At most `maxCharacters` of text are
 * kept; the path that was not used for the longest time goes first. What another process wrote is simply not found here.
 */
export function rememberConversations(store: Store, maxCharacters: number): Store {
  /** By the id of the reply that a path ends with: the parent of whatever follows it. */
  const paths = new Map<string, Remembered>();
  /** Turns between their opening and their end, by session: there is one in each. */
  const open = new Map<string, { opened: Opened; path: Remembered | undefined }>();
  let characters = 0;

  function take(parentId: string | null, from: number): Remembered | undefined {
    if (parentId === null) return { from, rows: [], characters: 0 };
    const path = paths.get(parentId);
    if (!path) return undefined;
    paths.delete(parentId);
    characters -= path.characters;
    return path.from === from ? path : undefined;
  }

  function keep(replyId: string, path: Remembered): void {
    paths.set(replyId, path);
    characters += path.characters;
    for (const [oldest, { characters: freed }] of paths) {
      if (characters <= maxCharacters) return;
      paths.delete(oldest);
      characters -= freed;
    }
  }

  return {
    ...store,
    async openTurn(input) {
      const opened = await store.openTurn(input);
      if (opened.kind === "opened") open.set(input.sessionId, { opened, path: undefined });
      return opened;
    },
    async readMemory(sessionId, branch, position, from) {
      const current = open.get(sessionId);
      const { memory, userMessage } = current?.opened ?? {};
      if (!current || memory?.branch !== branch || memory.position !== position || !userMessage)
        return store.readMemory(sessionId, branch, position, from);
      current.path =
        take(userMessage.parentId, from) ?? pathOf(from, await store.readMemory(sessionId, branch, position, from));
      return [...current.path.rows];
    },
    async closeTurn(input) {
      const closed = await store.closeTurn(input);
      const current = open.get(input.sessionId);
      if (current?.opened.turn.id !== input.turnId) return closed;
      open.delete(input.sessionId);
      if (!closed || !current.path || !input.memory) return closed;
      const { userMessage, memory } = current.opened;
      const common = { vendorParts: null, modelServed: null };
      const question: MemoryRow = {
        ...common,
        position: memory.position,
        role: "user",
        status: "complete",
        content: userMessage.content,
      };
      const answer: MemoryRow = {
        position: memory.position + 1,
        role: "assistant",
        status: closed.reply.status,
        content: closed.reply.content,
        vendorParts: input.vendorParts,
        modelServed: input.vendorParts === null ? null : closed.turn.modelServed,
      };
      keep(closed.reply.id, extend(current.path, input.memory.from, question, answer));
      return closed;
    },
  };
}

function pathOf(from: number, rows: MemoryRow[]): Remembered {
  return { from, rows, characters: rows.reduce((sum, row) => sum + sizeOf(row), 0) };
}

/** The path grown by a turn; cut where memory begins later than before. */
function extend(path: Remembered, from: number, question: MemoryRow, answer: MemoryRow): Remembered {
  path.rows.push(question, answer);
  if (from !== path.from)
    return pathOf(
      from,
      path.rows.filter((row) => row.position >= from),
    );
  path.characters += sizeOf(question) + sizeOf(answer);
  return path;
}

/** Characters, with an allowance for the row itself. */
function sizeOf(row: MemoryRow): number {
  return row.content.length + (row.vendorParts?.length ?? 0) + 100;
}
