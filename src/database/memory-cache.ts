// The newest conversations, kept beside the database: a turn then reads only what is new to it, which is nothing.

import type { MemoryRow, OpenedTurn, SessionState, Store } from "../store.ts";
import { StaleSession } from "../store.ts";

/**
 * A path from where memory begins, without a gap. A branch only ever grows, and messages of ended turns never change: what is
 * kept of a branch stays true whoever goes on with it.
 */
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
type Opened = Extract<OpenedTurn, { kind: "opened" }>;
/** A turn between its opening and its end, with the beginning of its memory that is known. */
interface Open {
  opened: Opened;
  path: Path;
}

/**
 * The same store, which answers `peekSession` and `readMemory` from what passed through it where it can. At most
 * `maxCharacters` of text are kept; the conversation that was not used for the longest time goes first. Another process
 * may have written since: openTurn finds that out by the version, and then only what the other one added is read.
 */
export function rememberConversations(store: Store, maxCharacters: number): Store {
  const conversations = new Map<string, Remembered>();
  const running = new Map<string, Open>();
  let characters = 0;

  /** Lets go of the longest unused until there is room; what turns under way hold counts too, but is theirs. Returns whether there is. */
  function makeRoom(): boolean {
    for (const oldest of conversations.keys()) {
      if (characters <= maxCharacters) break;
      takeOut(conversations, oldest);
    }
    return characters <= maxCharacters;
  }

  /** Out of the conversations, or of the turns under way, with the characters that it holds. */
  function takeOut<T extends { path: Path }>(held: Map<string, T>, sessionId: string): T | undefined {
    const taken = held.get(sessionId);
    held.delete(sessionId);
    characters -= taken?.path.characters ?? 0;
    return taken;
  }

  function begin(sessionId: string, open: Open): void {
    takeOut(running, sessionId);
    running.set(sessionId, open);
    characters += open.path.characters;
  }

  function setPath(open: Open, path: Path): void {
    characters += path.characters - open.path.characters;
    open.path = path;
  }

  function keep(conversation: Remembered): void {
    takeOut(conversations, conversation.session.id);
    conversations.set(conversation.session.id, conversation);
    characters += conversation.path.characters;
    makeRoom();
  }

  /** Reads what is not known of the way to the turn's message. */
  async function readRest(sessionId: string, current: Open): Promise<readonly MemoryRow[]> {
    const { branch, position, from } = current.opened.memory;
    const rest = await store.readMemory(sessionId, branch, position, endOf(current.path));
    const whole = pathOf(from, [...current.path.rows, ...rest]);
    if (running.get(sessionId) !== current) return whole.rows;
    setPath(current, whole);
    if (!makeRoom()) setPath(current, pathOf(from, [])); // a turn may take minutes: then it is read again for the next one
    return whole.rows;
  }

  return {
    ...store,
    peekSession(owner, id, fresh) {
      const conversation = fresh ? undefined : conversations.get(id);
      return conversation?.owner === owner ? Promise.resolve(conversation.session) : store.peekSession(owner, id);
    },
    async openTurn(input) {
      try {
        const opened = await store.openTurn(input);
        if (opened.kind !== "opened") return opened;
        begin(input.sessionId, { opened, path: beginningOf(opened, takeOut(conversations, input.sessionId)) });
        return opened;
      } catch (cause) {
        if (cause instanceof StaleSession) takeOut(conversations, input.sessionId);
        throw cause;
      }
    },
    readMemory(sessionId, branch, position, from) {
      const current = running.get(sessionId);
      const memory = current?.opened.memory;
      if (!current || memory?.branch !== branch || memory.position !== position || memory.from !== from)
        return store.readMemory(sessionId, branch, position, from);
      return endOf(current.path) >= position ? Promise.resolve(current.path.rows) : readRest(sessionId, current);
    },
    async closeTurn(input) {
      const closed = await store.closeTurn(input);
      const { id, sessionId } = input.turn;
      const current = running.get(sessionId);
      if (current?.opened.turn.id !== id) return closed;
      takeOut(running, sessionId);
      const { userMessage, memory } = current.opened;
      const { position } = memory;
      if (!closed || !input.memory || endOf(current.path) < position) return closed;
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
          finishReason: closed.turn.finishReason,
          ...(input.vendorParts === null ? plain : signed),
        },
      );
      keep({ owner: input.owner, session: closed.session, path });
      return closed;
    },
    async updateSession(owner, id, change, at, ifVersion) {
      takeOut(conversations, id);
      return store.updateSession(owner, id, change, at, ifVersion);
    },
    async trashSession(owner, id, at, ifVersion) {
      takeOut(conversations, id);
      return store.trashSession(owner, id, at, ifVersion);
    },
  };
}

/** What is remembered of the way to a new message: nothing where it goes another way, or memory begins earlier than before. */
function beginningOf({ memory: { branch, position, from } }: Opened, remembered: Remembered | undefined): Path {
  const path = remembered?.session.tipBranch === branch ? remembered.path : undefined;
  if (!path || path.from > from || endOf(path) > position) return pathOf(from, []);
  return cutBefore(from, path);
}

/** The position after the last message. */
function endOf(path: Path): number {
  return path.from + path.rows.length;
}

function pathOf(from: number, rows: MemoryRow[]): Path {
  return { from, rows, characters: rows.reduce((sum, row) => sum + sizeOf(row), 0) };
}

/** The path grown by a turn; cut where memory begins later than before. */
function extend(path: Path, from: number, question: MemoryRow, answer: MemoryRow): Path {
  path.rows.push(question, answer);
  path.characters += sizeOf(question) + sizeOf(answer);
  return cutBefore(from, path);
}

function cutBefore(from: number, path: Path): Path {
  return from === path.from ? path : pathOf(from, path.rows.slice(from - path.from));
}

/** Characters, with an allowance for the row itself. */
function sizeOf(row: MemoryRow): number {
  return row.content.length + (row.vendorParts?.length ?? 0) + 100;
}
