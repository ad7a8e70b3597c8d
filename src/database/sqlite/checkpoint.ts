// Checkpoints beside the event loop: the log's pages go into the database file on a thread of their own, so that no stream
// waits while megabytes are copied and flushed.

import { Worker } from "node:worker_threads";

/** Pages of 4 KB in the log alone when it is time. A page that many groups touch is then copied once (measured: 4000 costs a fifth less than 1000). */
const pagesDue = 4_000;
/** To ask how many they are costs some 30 us, a tenth of a group: the log may be longer by what so many groups write, less one. */
const groupsPerLook = 8;

export type Asked = "checkpoint" | "cut" | "close";

/** What the thread answers: whether something still read the log, which could not be cut then; or why there is no checkpoint. */
export type CheckpointAnswer = { busy: boolean } | { failure: string };

/** Decides when, and has it done. `onFailure` hears why a checkpoint was not made; SQLite makes one itself when the log has four times as much. */
export class Checkpointer {
  private readonly file: string;
  private readonly countPages: () => number;
  private readonly onFailure: (why: string) => void;
  private readonly mayCopy: () => Promise<boolean>;
  private worker: Worker | undefined;
  private copying: Promise<void> | undefined;
  private copied = false;
  /** Pages that the last checkpoint left in the log alone, because it failed or somebody still read older ones. */
  private left = 0;
  private groups = 0;

  /** `countPages`: those that are in the log alone. `mayCopy` is asked before each checkpoint: whether the files are still those that were opened. */
  constructor(
    file: string,
    countPages: () => number,
    onFailure: (why: string) => void,
    mayCopy: () => Promise<boolean> = () => Promise.resolve(true),
  ) {
    this.file = file;
    this.countPages = countPages;
    this.onFailure = onFailure;
    this.mayCopy = mayCopy;
  }

  /**
   * To be awaited between two groups of writes. Most pages are copied while writing goes on; only the rest of them, written
   * meanwhile, is copied while nobody writes, and the log then begins again at its start.
   */
  async afterGroup(): Promise<void> {
    if (this.copying) return;
    if (this.copied) {
      this.copied = false;
      await this.run();
      this.left = this.countPages();
      return;
    }
    if (this.groups++ % groupsPerLook > 0) return;
    const pages = this.countPages();
    this.left = Math.min(this.left, pages);
    if (pages - this.left < pagesDue) return;
    this.copying = this.run().then((done) => {
      if (done) this.copied = true;
      else this.left = pages;
      this.copying = undefined;
    });
  }

  /** Copies what is left and cuts the log to nothing. To be called while nobody writes; false where somebody still reads it. */
  async cut(): Promise<boolean> {
    await this.copying;
    if (!(await this.mayCopy())) return false;
    const answer = await this.ask("cut");
    if ("failure" in answer) this.onFailure(answer.failure);
    return !("failure" in answer) && !answer.busy;
  }

  /** Its connection is closed when the promise resolves; another checkpoint opens one again. */
  async close(): Promise<void> {
    await this.copying;
    if (this.worker) await this.ask("close");
    await this.worker?.terminate();
    this.worker = undefined;
  }

  private async run(): Promise<boolean> {
    if (!(await this.mayCopy())) return false;
    const answer = await this.ask("checkpoint");
    if ("failure" in answer) this.onFailure(answer.failure);
    return !("failure" in answer);
  }

  private ask(what: Asked): Promise<CheckpointAnswer> {
    this.worker ??= this.start();
    const { worker } = this;
    return new Promise((resolve) => {
      const end = (answer: CheckpointAnswer) => {
        worker.off("message", end);
        worker.off("error", fail);
        resolve(answer);
      };
      const fail = (cause: Error) => {
        this.worker = undefined; // the next one has a thread of its own
        end({ failure: cause.message });
      };
      worker.once("message", end);
      worker.once("error", fail);
      worker.postMessage(what);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL("./checkpoint-thread.ts", import.meta.url), { workerData: this.file });
    worker.unref();
    return worker;
  }
}
