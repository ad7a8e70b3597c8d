// What happens too often for a line each (refused keys, tokens made) is counted, and written down once a minute: a flood
// of wrong keys fills no disk.

import type { AuditAction, AuditNote } from "./audit.ts";
import type { AuditStore } from "./audit-store.ts";

const usualEveryMs = 60_000;
/** Lines a minute and action; what comes beyond is counted together in one more, which names no target. */
const mostLines = 20;

type Counted = Pick<AuditNote, "project" | "keyId" | "action" | "target">;

export class AuditTally {
  private readonly store: AuditStore;
  private readonly now: () => number;
  private readonly everyMs: number;
  private readonly counts = new Map<string, AuditNote>();
  private readonly lines = new Map<AuditAction, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(store: AuditStore, now: () => number, everyMs = usualEveryMs) {
    this.store = store;
    this.now = now;
    this.everyMs = everyMs;
  }

  /** It happened once more. */
  count(what: Counted): void {
    const lines = this.lines.get(what.action) ?? 0;
    const known = this.counts.get(nameOf(what));
    const counted = known || lines < mostLines ? what : { ...what, project: null, keyId: null, target: null };
    const note = known ?? this.counts.get(nameOf(counted));
    if (note) {
      note.count++;
      note.at = this.now();
      return;
    }
    this.counts.set(nameOf(counted), { ...counted, at: this.now(), count: 1 });
    this.lines.set(what.action, lines + 1);
    this.timer ??= setTimeout(() => this.write(), this.everyMs).unref();
  }

  /** Writes down what was counted since. */
  async close(): Promise<void> {
    this.write();
    await this.writing;
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.counts.size === 0) return;
    const notes = [...this.counts.values()];
    this.counts.clear();
    this.lines.clear();
    // While the storage fails nobody is let in either, and what is refused then is no loss.
    this.writing = this.store.noteAudit(notes).catch(() => {});
  }
}

function nameOf({ project, keyId, action, target }: Counted): string {
  return `${action} ${project} ${keyId} ${target}`;
}
