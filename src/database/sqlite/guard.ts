// Keeps watch over the database's files while they are written: what was taken away is put back or saved, and until then nothing is written.

import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { HeldFiles } from "./held-files.ts";
import { Beyond, mend } from "./mend.ts";

/** Four looks at names, beside the event loop. */
const lookEveryMs = 1_000;
/** A copy that could not be made, for want of room say, is tried again this often. */
const retryEveryMs = 5_000;

/** For whoever writes: the path is the operator's business, whom the log and /readyz tell. */
function refusal(cause: unknown): AppError {
  const detail =
    "The database's files were taken away under the server, which writes no more. It is not known whether this was stored.";
  return new AppError("storage_unavailable", detail, { cause, retryAfterSeconds: 5 });
}

export interface GuardTools {
  held: HeldFiles;
  group: Pick<GroupCommit, "between" | "refuse">;
  log: Log;
  /** The database is lost for this process, which is of no use any more; told once, with a sentence for the operator. */
  onLost: (why: string) => void;
}

export class FileGuard {
  private readonly tools: GuardTools;
  private readonly timer: ReturnType<typeof setInterval>;
  private lookedAt = performance.now();
  private triedAt = Number.NEGATIVE_INFINITY;
  /** Something looked wrong, and is to be looked at again while nobody writes. */
  private suspected = false;
  private trouble: AppError | undefined;
  private beyond: Beyond | undefined;
  private checking: Promise<void> | undefined;

  constructor(tools: GuardTools) {
    this.tools = tools;
    this.timer = setInterval(() => void this.check().catch(() => {}), lookEveryMs); // whoever writes is told
    this.timer.unref();
  }

  /** Resolves when the files are there, or were put back. Throws storage_unavailable with a sentence for the operator. */
  check(): Promise<void> {
    if (this.trouble && !this.mayTryAgain) return Promise.reject(this.trouble);
    this.checking ??= this.checkNow().finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  /** Before a group is told to its callers, while nothing else is written: as `check`, at most once a second. */
  async confirm(): Promise<void> {
    if (!this.suspected && performance.now() - this.lookedAt < lookEveryMs) return;
    await this.mend().catch((cause) => {
      throw refusal(cause);
    });
  }

  /** Whether the log may be copied into the database now. */
  async isSound(): Promise<boolean> {
    if (this.suspected || this.trouble) return false;
    await this.look();
    return !this.suspected;
  }

  /** A last look, and the files are let go of. Throws when what is stored could not be saved. To be called when nothing is written any more. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.checking?.catch(() => {});
    try {
      if (!this.beyond) await this.mend();
    } catch (cause) {
      if (!this.beyond) throw cause;
    } finally {
      await this.tools.held.close();
    }
  }

  private get mayTryAgain(): boolean {
    return this.beyond === undefined && performance.now() - this.triedAt >= retryEveryMs;
  }

  private async checkNow(): Promise<void> {
    if (!this.trouble) {
      await this.look();
      if (!this.suspected) return;
    }
    await this.tools.group.between(() => this.mend());
  }

  private async look(): Promise<void> {
    this.suspected ||= (await this.tools.held.watch.look()).length > 0;
    this.lookedAt = performance.now();
  }

  private async mend(): Promise<void> {
    if (this.trouble && !this.mayTryAgain) throw this.trouble;
    const { held, group, log } = this.tools;
    const losses = await held.watch.look();
    this.lookedAt = performance.now();
    if (losses.length > 0) {
      this.triedAt = performance.now();
      try {
        log.error(
          { losses, sentence: await mend(held, losses) },
          "the database's files were taken away, and made good",
        );
      } catch (cause) {
        throw this.fail(cause);
      }
    } else if (this.trouble) log.info({}, "the database's files are there again");
    this.suspected = false;
    this.trouble = undefined;
    group.refuse(undefined);
  }

  /** Nothing is written from now on: for good, or until another try succeeds. */
  private fail(cause: unknown): AppError {
    const { held, group, log, onLost } = this.tools;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence =
      cause instanceof Beyond
        ? cause.message
        : `The files of the database ${held.file} were taken away, and what they held could not be saved yet: ${reason}. ` +
          "Nothing is written; do not stop the server before there is room for a whole copy beside them.";
    this.trouble = new AppError("storage_unavailable", sentence, { cause, retryAfterSeconds: 5 });
    group.refuse(refusal(cause));
    log.error({ cause }, sentence);
    if (cause instanceof Beyond) {
      this.beyond = cause;
      onLost(sentence);
    }
    return this.trouble;
  }
}
