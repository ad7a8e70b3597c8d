// The eraser: purges a session, a version, a person, the trash; on a timer what has been in the trash for too long, and what a crash left half done.

import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ImportStore } from "./import.ts";
import type { PurgedMany, PurgeFilter, Purger, PurgeStore } from "./purge.ts";

export interface EraserTools {
  store: PurgeStore & Pick<ImportStore, "undoLeftImports">;
  /** Cuts a turn and resolves when nothing of it is left to be written, its bill included. conflict where that takes too long. */
  endTurn(project: string, turnId: string): Promise<void>;
  /** What this process remembers of conversations. */
  memories: { forget(sessionId: string): void; listKept(): string[] };
  log: Log;
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** How long the trash keeps a session; null: for ever. */
  trashMs: number | null;
  /** Whether other processes purge, too. */
  shared: boolean;
  times: EraserTimes;
}
export interface EraserTimes {
  /** The trash is looked through this often. */
  sweepMs: number;
  /** What other processes have purged is forgotten here this often. */
  forgetMs: number;
}

export interface Purged {
  sessions: number;
  messages: number;
}

/** Sessions that are purged at the same time, and that are looked for at once. */
const atOnce = 8;
const batch = 100;
const mostTries = 5;
const idsAtOnce = 1_000;

export class Eraser {
  private readonly tools: EraserTools;
  private timers: ReturnType<typeof setInterval>[] = [];
  private readonly working = new Set<Promise<unknown>>();
  private stopped = false;

  constructor(tools: EraserTools) {
    this.tools = tools;
  }

  /** Begins the work that repeats itself; what a crash left half done is finished at once. */
  begin(): void {
    const { shared, times } = this.tools;
    const repeat = (ms: number, work: () => Promise<void>) => {
      let busy = false;
      const run = () => {
        if (busy || this.stopped) return;
        busy = true;
        void this.attempt(work).finally(() => {
          busy = false;
        });
      };
      this.timers.push(setInterval(run, ms).unref());
      return run;
    };
    repeat(times.sweepMs, () => this.sweep())();
    if (shared) repeat(times.forgetMs, () => this.forgetOthers());
  }

  /** Nothing new is begun; resolves when what is under way has come to a place where it can go on later. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers.splice(0)) clearInterval(timer);
    await Promise.allSettled(this.working);
  }

  /** not_found | version_mismatch | conflict (a turn that does not end). Purging what was purged changes nothing. */
  purge(by: Purger, id: string, ifVersion?: number): Promise<void> {
    return this.track(async () => {
      await this.purgeOne({ by, id, ifVersion });
    });
  }

  /** The same for one version of what was said, with all that follows it; also turn_in_progress, and conflict where it is the only one. */
  purgeVersion(by: Purger, id: string, messageId: string, ifVersion?: number): Promise<void> {
    return this.track(async () => {
      await this.purgeOne({ by, id, messageId, ifVersion });
    });
  }

  /** Every session of the user, what was said for them elsewhere, and their name. Asked again, it goes on where it ended. */
  erasePerson(by: Purger, user: string): Promise<Purged> {
    return this.track(async () => {
      const filter = { project: by.project, user };
      const purged = await this.purgeMany(by, filter, "user.erased");
      const elsewhere = await this.eraseElsewhere(by, user);
      while (!(await this.tools.store.forgetPerson(by, user, this.tools.now()))) this.refuseStopped();
      const messages = purged.messages + elsewhere;
      this.tools.log.info({ ...purged, messages }, "a person was erased");
      return { sessions: purged.sessions, messages };
    });
  }

  /** What is in the trash of the project, or of one user of it. */
  emptyTrash(by: Purger, user: string | undefined): Promise<Purged> {
    const filter = { project: by.project, user, trashedBefore: this.tools.now() };
    return this.track(() => this.purgeMany(by, filter, "trash.emptied"));
  }

  /** Finishes what was begun, and purges what has been in the trash for too long. */
  async sweep(): Promise<void> {
    const { store, trashMs, now } = this.tools;
    await store.undoLeftImports();
    if (trashMs !== null) await this.sweepVersions(trashMs);
    for (;;) {
      const left = await store.listBegunPurges(batch);
      for (const row of left) await this.finish(row);
      if (left.length < batch || this.stopped) break;
    }
    if (trashMs === null) return;
    const filter = { trashedBefore: now() - trashMs };
    const { sessions } = await this.purgeMany({ project: "", keyId: null }, filter, "trash.swept");
    if (sessions > 0) this.tools.log.info({ sessions }, "sessions whose time in the trash was over were purged");
  }

  private async sweepVersions(trashMs: number): Promise<void> {
    const { store, memories, now } = this.tools;
    for (;;) {
      const sessions = await store.beginVersionPurges(now() - trashMs, now());
      for (const id of sessions) memories.forget(id);
      if (sessions.length === 0) return;
      this.refuseStopped();
    }
  }

  /** Of a database that is shared: what others have purged is not remembered here for longer either. */
  private async forgetOthers(): Promise<void> {
    const { store, memories } = this.tools;
    const kept = memories.listKept();
    for (let at = 0; at < kept.length; at += idsAtOnce)
      for (const id of await store.listErased(kept.slice(at, at + idsAtOnce))) memories.forget(id);
  }

  /** In batches, each told to the audit and, where there are more, to the log. */
  private async purgeMany(by: Purger, filter: PurgeFilter, action: PurgedMany["action"]): Promise<Purged> {
    const { store, now, log } = this.tools;
    const purged = { sessions: 0, messages: 0 };
    for (let after: string | undefined; ; ) {
      this.refuseStopped();
      const found = await store.listPurgeable(filter, batch, after);
      const counts = await this.purgeEach(by, found, filter, action);
      for (const [project, count] of counts.sessions)
        await store.notePurges({ by: { ...by, project }, action, user: filter.user, count, at: now() });
      purged.sessions += counts.total;
      purged.messages += counts.messages;
      if (found.length < batch) return purged;
      log.info({ ...purged, action }, "purging goes on");
      // What could not be purged now is passed by, and looked at again by the next sweep.
      if (filter.project === undefined && counts.total === 0) return purged;
      after = found.at(-1)!.id;
    }
  }

  private async purgeEach(
    by: Purger,
    found: readonly { id: string; project: string }[],
    { user, trashedBefore }: PurgeFilter,
    action: PurgedMany["action"],
  ) {
    const counts = { total: 0, messages: 0, sessions: new Map<string, number>() };
    const left = [...found];
    const stuck: unknown[] = [];
    const person = action === "user.erased" ? user : undefined;
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { id, project } = next;
        const asked = { by: { ...by, project }, id, trashedBefore, person, quietly: true };
        const messages = await this.purgeOne(asked).catch((cause) => {
          if (!(cause instanceof AppError) || cause.code !== "conflict") throw cause;
          stuck.push(cause);
        });
        if (messages === undefined) continue;
        counts.total++;
        counts.messages += messages;
        counts.sessions.set(project, (counts.sessions.get(project) ?? 0) + 1);
      }
    };
    const done = await Promise.allSettled(Array.from({ length: atOnce }, work));
    const failed = done.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
    // One that is busy keeps no other from being purged; the sweep comes by again.
    if (stuck.length > 0 && action !== "trash.swept") throw stuck[0];
    return counts;
  }

  /** Returns how many messages it had; undefined where it was purged already. */
  private async purgeOne(asked: {
    by: Purger;
    id: string;
    messageId?: string;
    ifVersion?: number | undefined;
    trashedBefore?: number | undefined;
    person?: string | undefined;
    quietly?: boolean;
  }): Promise<number | undefined> {
    const { store, memories, endTurn, now } = this.tools;
    const { by, id, messageId } = asked;
    for (let tries = 0, { ifVersion } = asked; tries < mostTries; tries++) {
      this.refuseStopped();
      const begun = await (messageId === undefined
        ? store.beginPurge({ ...asked, ifVersion, at: now() })
        : store.beginVersionPurge({ by, id, messageId, ifVersion, at: now() }));
      if (begun.kind === "busy") {
        ifVersion = undefined; // it was at that version, and is in the trash or deleted now
        await endTurn(by.project, begun.turnId);
        continue;
      }
      memories.forget(id);
      if (begun.row !== undefined) await this.finish(begun.row);
      memories.forget(id); // a turn that ended in the same moment may have brought it back
      return begun.kind === "begun" ? begun.messages : undefined;
    }
    throw stillBusy();
  }

  private async finish(row: number): Promise<void> {
    while (!(await this.tools.store.purgeSome(row))) this.refuseStopped();
  }

  /** Words said for the person in sessions of others, or of nobody. Returns how many messages lost theirs. */
  private async eraseElsewhere(by: Purger, user: string): Promise<number> {
    const { store, memories, endTurn } = this.tools;
    let messages = 0;
    for (let after = 0, done = false; !done; ) {
      this.refuseStopped();
      const step = await store.erasePerson({ project: by.project, user, after });
      for (const id of step.sessions) memories.forget(id);
      messages += step.messages;
      if (step.busy !== undefined) await endTurn(by.project, step.busy);
      ({ after, done } = step);
    }
    return messages;
  }

  private refuseStopped(): void {
    if (!this.stopped) return;
    const detail = "The server is shutting down; ask again in a moment, and it goes on.";
    throw new AppError("draining", detail, { retryAfterSeconds: 5 });
  }

  private async track<T>(work: () => Promise<T>): Promise<T> {
    const done = work();
    this.working.add(done);
    try {
      return await done;
    } finally {
      this.working.delete(done);
    }
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await this.track(work);
    } catch (cause) {
      if (!this.stopped) this.tools.log.warn({ cause }, "purging was interrupted; it goes on later");
    }
  }
}

function stillBusy(): AppError {
  return new AppError("conflict", "Turns of it go on ending; it is deleted, ask again.", {
    retryAfterSeconds: 5,
  });
}
