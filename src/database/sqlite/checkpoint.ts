// Checkpoints beside the event loop: the log's pages go into the database file on a thread of their own, so that no stream
// waits while megabytes are copied and flushed.

import { Worker } from "node:worker_threads";

/** Pages of 4 KB in the log when it is time. A page that many groups touch is then copied once (measured: 4000 costs a fifth less than 1000). */
const pagesDue = 4_000;
/** Pages that one operation adds to the log beside its long texts, until the first checkpoint has told how many it really is. */
const firstGuess = 3;
const charactersPerPage = 4_000;

export interface Checkpoint {
  /** Pages in the log, and of them already in the database file. */
  logPages: number;
  copiedPages: number;
  /** Something still read the log: it could not be cut. */
  busy: boolean;
}

export type Asked = "checkpoint" | "cut" | "close";

/** What the thread answers: the checkpoint, or why there is none. */
export type CheckpointAnswer = Checkpoint | { failure: string };

/** Decides when, and has it done. `onFailure` hears why a checkpoint was not made; SQLite makes one itself when the log has four times as much. */
export class Checkpointer {
  private readonly file: string;
  private readonly onFailure: (why: string) => void;
  private worker: Worker | undefined;
  private operations = 0;
  private textPages = 0;
  private pagesPerOperation = firstGuess;
  private copying: Promise<void> | undefined;
  private copied = false;

  private readonly mayCopy: () => Promise<boolean>;

  /** `mayCopy` is asked before each: whether the files are still those that were opened. */
  constructor(
    file: string,
    onFailure: (why: string) => void,
    mayCopy: () => Promise<boolean> = () => Promise.resolve(true),
  ) {
    this.file = file;
    this.onFailure = onFailure;
    this.mayCopy = mayCopy;
  }

  /**
   * To be awaited between two groups of writes. Most pages are copied while writing goes on; only the rest of them, written
   * meanwhile, is copied while nobody writes, and the log then begins again at its start. `longText` is the characters of
   * texts that fill pages of their own.
   */
  async afterGroup(operations: number, longText: number): Promise<void> {
    this.operations += operations;
    this.textPages += longText / charactersPerPage;
    if (this.copied) {
      this.copied = false;
      const done = await this.run();
      // A log that a reader keeps from beginning again holds older pages too, and says nothing of these operations.
      if (done && done.copiedPages === done.logPages)
        this.pagesPerOperation = Math.max(0.1, (done.logPages - this.textPages) / this.operations);
      this.startOver();
    } else if (this.copying === undefined && this.pages >= pagesDue) {
      this.copying = this.run().then((done) => {
        if (done) this.copied = true;
        else this.startOver();
        this.copying = undefined;
      });
    }
  }

  /** Copies what is left and cuts the log to nothing. To be called while nobody writes; false where somebody still reads it. */
  async cut(): Promise<boolean> {
    await this.copying;
    if (!(await this.mayCopy())) return false;
    const answer = await this.ask("cut");
    if ("failure" in answer) this.onFailure(answer.failure);
    const done = !("failure" in answer) && !answer.busy;
    if (done) this.startOver();
    return done;
  }

  /** Its connection is closed when the promise resolves; another checkpoint opens one again. */
  async close(): Promise<void> {
    await this.copying;
    if (this.worker) await this.ask("close");
    await this.worker?.terminate();
    this.worker = undefined;
  }

  private get pages(): number {
    return this.operations * this.pagesPerOperation + this.textPages;
  }

  private startOver(): void {
    this.operations = 0;
    this.textPages = 0;
  }

  private async run(): Promise<Checkpoint | undefined> {
    if (!(await this.mayCopy())) return undefined;
    const answer = await this.ask("checkpoint");
    if (!("failure" in answer)) return answer;
    this.onFailure(answer.failure);
    return undefined;
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
