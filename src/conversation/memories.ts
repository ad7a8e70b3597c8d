// The newest conversations, kept as they are sent: a turn then reads, counts and prints only what is new to it.

import type { PrintTurn } from "../provider.ts";
import type { SessionState, Store } from "../store.ts";
import { PrintedPath } from "./path.ts";

/** A conversation as its last turn left it; the session is sure only at its version. */
interface Remembered {
  owner: string;
  session: SessionState;
  path: PrintedPath;
}

/** What a conversation takes beside its path: its session, its places in two maps, what the allocator adds (measured: docs/decisions/turn-cost.md). */
const besidesBytes = 3 * 1024;
/**
 * What one counts at least: to read a short one again is cheap, and thousands of them would fill with objects that the collector
 * walks over what a few long ones need (measured: docs/decisions/turn-cost.md).
 */
const leastBytes = 64 * 1024;

/**
 * At most `maxBytes` are kept; the conversation that was not used for the longest time goes first. Another process may have
 * written since: openTurn finds that out by the version, and then only what the other one added is read.
 */
export class Memories {
  private readonly store: Pick<Store, "readMemory">;
  private readonly print: PrintTurn;
  private readonly maxBytes: number;
  /** By session, the longest unused first. */
  private readonly kept = new Map<string, Remembered>();
  /** Of these and of turns under way. */
  private bytes = 0;

  constructor(store: Pick<Store, "readMemory">, print: PrintTurn, maxBytes: number) {
    this.store = store;
    this.print = print;
    this.maxBytes = maxBytes;
  }

  /** What is held, in bytes, as it is counted. */
  get heldBytes(): number {
    return this.bytes;
  }

  /** The session as its last turn here left it: for a write that names its version. */
  recall(owner: string, sessionId: string): SessionState | undefined {
    const known = this.kept.get(sessionId);
    return known?.owner === owner ? known.session : undefined;
  }

  /** What is known of the session is no longer so. Returns what it was. */
  forget(sessionId: string): Remembered | undefined {
    const known = this.kept.get(sessionId);
    if (known) this.count(known.path, 0);
    this.kept.delete(sessionId);
    return known;
  }

  /** The sessions that something is remembered of. */
  listKept(): string[] {
    return [...this.kept.keys()];
  }

  /** The way to the turn that was opened in this session, as `model` is sent it: the turn's own, until it is given back. */
  async take(session: SessionState, model: string): Promise<PrintedPath> {
    const { id, row, tipBranch: branch, tipPosition: position, memoryFrom: from } = session;
    const known = this.forget(id);
    const path = known && isWay(known, session, model) ? known.path : new PrintedPath(from, model, this.print);
    path.cutBefore(from);
    if (path.end < position)
      path.addAll(await this.store.readMemory({ session: row, branch, position, from: path.end }));
    this.count(path, path.heldBytes);
    return path;
  }

  /**
   * Shows the way to a turn that is only thought of, which `use` must not change or keep. What has to be read for it is kept as `of`,
   * the session that it belongs to, unless a turn has taken or brought another one meanwhile.
   */
  async look<T>(
    owner: string,
    of: SessionState | undefined,
    ahead: SessionState,
    model: string,
    use: (path: PrintedPath) => T,
  ): Promise<T> {
    const { id, row, tipBranch: branch, tipPosition: position, memoryFrom: from } = ahead;
    const known = this.kept.get(id);
    if (known && isWay(known, ahead, model) && known.path.end === position && known.path.from === from)
      return use(known.path);
    const path = new PrintedPath(from, model, this.print);
    path.addAll(await this.store.readMemory({ session: row, branch, position, from }));
    try {
      return use(path);
    } finally {
      if (of && path.end === position && !this.kept.has(id)) this.keep(owner, of, path);
    }
  }

  /** The path has been sent. Where it is one too many, nobody keeps it: a turn may take minutes. Returns whether it stays. */
  stays(path: PrintedPath): boolean {
    if (this.makeRoom()) return true;
    this.letGo(path);
    return false;
  }

  /** The turn goes its way without it. */
  letGo(path: PrintedPath): void {
    this.count(path, 0);
  }

  /** Gives a path back that has grown by its turn, with the session as the turn's end left it. */
  keep(owner: string, session: SessionState, path: PrintedPath): void {
    this.forget(session.id);
    this.kept.set(session.id, { owner, session, path });
    this.count(path, Math.max(leastBytes, path.heldBytes + besidesBytes));
    this.makeRoom();
  }

  private count(path: PrintedPath, bytes: number): void {
    this.bytes += bytes - path.countedBytes;
    path.countedBytes = bytes;
  }

  /** Returns whether there is room now: what turns under way hold counts too, but is theirs. */
  private makeRoom(): boolean {
    if (this.bytes <= this.maxBytes) return true;
    for (const oldest of this.kept.keys()) {
      this.forget(oldest);
      if (this.bytes <= this.maxBytes) return true;
    }
    return false;
  }
}

/** A branch only ever grows, and turns that are over never change: what is known of a branch stays true whoever goes on with it. */
function isWay({ session: known, path }: Remembered, session: SessionState, model: string): boolean {
  const { tipBranch, tipPosition, memoryFrom } = session;
  if (known.tipBranch !== tipBranch) return false;
  return path.from <= memoryFrom && path.end <= tipPosition && path.canCutBefore(memoryFrom) && path.turnTo(model);
}
