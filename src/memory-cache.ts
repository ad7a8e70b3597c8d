// The newest conversations, kept beside the database: a turn then reads only what is new to it, which is nothing.

import type { MemoryRow, OpenedTurn, SessionState, Store } from "./store.ts";
import { StaleSession } from "./store.ts";

/** A path from where memory begins. Messages of ended turns never change; at the end of a turn, two are added. */
interface Path {
  from: number;
  rows: MemoryRow[];
  characters: number;
}
/** A conversation as its last turn left it; the session is sure only at its version. */
interface Remembered {
  owner: string;
  session: SessionState;
  path: Path;
}
/** A turn between its opening and its end. */
interface Open {
  opened: Extract<OpenedTurn, { kind: "opened" }>;
  path: Path | undefined;
}

/**
 * The same store, which answers `peekSession` and `readMemory` from what passed through it where it can. At most
 * `maxCharacters` of text are kept; the conversation that was not used for the longest time goes first. Another process
 * may have written since: openTurn finds that out by the version, says StaleSession, and what was kept is forgotten.
 */
export function rememberConversations(store: Store, maxCharacters: number): Store {
  const conversations = new Map<string, Remembered>();
  const running = new Map<string, Open>();
  let characters = 0;

  function forget(sessionId: string): Remembered | undefined {
    const conversation = conversations.get(sessionId);
    if (!conversation) return undefined;
    conversations.delete(sessionId);
    characters -= conversation.path.characters;
    return conversation;
  }

  function keep(conversation: Remembered): void {
    forget(conversation.session.id);
    conversations.set(conversation.session.id, conversation);
    characters += conversation.path.characters;
    for (const oldest of conversations.keys()) {
      if (characters <= maxCharacters) return;
      forget(oldest);
    }
  }

  return {
    ...store,
    async peekSession(owner, id) {
      const conversation = conversations.get(id);
      return conversation?.owner === owner ? conversation.session : store.peekSession(owner, id);
    },
    async openTurn(input) {
      try {
        const opened = await store.openTurn(input);
        if (opened.kind !== "opened") return opened;
        const before = forget(input.sessionId);
        const goesOn =
          before?.session.tipMessageId === opened.userMessage.parentId && before.path.from === opened.memory.from;
        running.set(input.sessionId, { opened, path: goesOn ? before.path : undefined });
        return opened;
      } catch (cause) {
        if (cause instanceof StaleSession) forget(input.sessionId);
        throw cause;
      }
    },
    async readMemory(sessionId, branch, position, from) {
      const current = running.get(sessionId);
      const memory = current?.opened.memory;
      if (!current || memory?.branch !== branch || memory.position !== position || memory.from !== from)
        return store.readMemory(sessionId, branch, position, from);
      current.path ??= pathOf(from, position === 0 ? [] : await store.readMemory(sessionId, branch, position, from));
      return current.path.rows;
    },
    async closeTurn(input) {
      const closed = await store.closeTurn(input);
      const { id, sessionId } = input.turn;
      const current = running.get(sessionId);
      if (current?.opened.turn.id !== id) return closed;
      running.delete(sessionId);
      if (!closed || !current.path || !input.memory) return closed;
      const { userMessage, memory } = current.opened;
      const { position } = memory;
      const { content, status } = closed.reply;
      const plain = { vendorParts: null, modelServed: null };
      const signed = { vendorParts: input.vendorParts, modelServed: closed.turn.modelServed };
      const path = extend(
        current.path,
        input.memory.from,
        { position, role: "user", status: "complete", content: userMessage.content, ...plain },
        {
          position: position + 1,
          role: "assistant",
          status,
          content,
          ...(input.vendorParts === null ? plain : signed),
        },
      );
      keep({ owner: input.owner, session: closed.session, path });
      return closed;
    },
    async updateSession(owner, id, change, at, ifVersion) {
      forget(id);
      return store.updateSession(owner, id, change, at, ifVersion);
    },
    async trashSession(owner, id, at, ifVersion) {
      forget(id);
      return store.trashSession(owner, id, at, ifVersion);
    },
  };
}

function pathOf(from: number, rows: readonly MemoryRow[]): Path {
  return { from, rows: [...rows], characters: rows.reduce((sum, row) => sum + sizeOf(row), 0) };
}

/** The path grown by a turn; cut where memory begins later than before. */
function extend(path: Path, from: number, question: MemoryRow, answer: MemoryRow): Path {
  path.rows.push(question, answer);
  path.characters += sizeOf(question) + sizeOf(answer);
  if (from === path.from) return path;
  return pathOf(
    from,
    path.rows.filter((row) => row.position >= from),
  );
}

/** Characters, with an allowance for the row itself. */
function sizeOf(row: MemoryRow): number {
  return row.content.length + (row.vendorParts?.length ?? 0) + 100;
}
