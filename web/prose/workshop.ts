// Where texts are read: a worker that does one job at a time and is replaced when a job takes too long.

import type { Job, JobName, Jobs } from "./worker.ts";

/** A job that is not done after so many looks is given up: 1.5 s, some hundred times what an honest text takes. */
const looks = 6;
const lookEveryMs = 250;
/** After so many workers in a row that did not even start, none is tried any more. */
const startsTried = 3;

type Said = { ready: true } | { value: Jobs[JobName]["answer"] } | { error: string };
interface Waiting {
  job: Job;
  resolve(value: Jobs[JobName]["answer"] | undefined): void;
}

export class Workshop {
  readonly #address: string | URL;
  #worker: Worker | null = null;
  #ready = false;
  #failedStarts = 0;
  #queue: Waiting[] = [];
  #current: Waiting | null = null;
  #looks = 0;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(address: string | URL) {
    this.#address = address;
  }

  /** The job's answer; undefined when it took too long or could not be done. Never rejects. */
  do<Name extends JobName>(name: Name, ask: Jobs[Name]["ask"]): Promise<Jobs[Name]["answer"] | undefined> {
    return new Promise((resolve) => {
      const job = { name, ...ask } as unknown as Job;
      this.#queue.push({ job, resolve: resolve as Waiting["resolve"] });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current || this.#queue.length === 0) return;
    if (!this.#worker && !this.#start()) {
      for (const { resolve } of this.#queue.splice(0)) resolve(undefined);
      return;
    }
    if (!this.#ready) return;
    this.#current = this.#queue.shift() ?? null;
    this.#looks = 0;
    // Looks are counted, not milliseconds: a machine that slept has not given the worker its time.
    this.#watch ??= setInterval(() => {
      if (this.#current && ++this.#looks > looks) this.#end(undefined, true);
    }, lookEveryMs);
    this.#worker?.postMessage(this.#current?.job);
  }

  #start(): boolean {
    if (this.#failedStarts >= startsTried) return false;
    try {
      this.#worker = new Worker(this.#address, { type: "module" });
    } catch {
      this.#failedStarts = startsTried;
      return false;
    }
    this.#worker.onmessage = ({ data }: MessageEvent<Said>) => {
      if ("ready" in data) {
        this.#ready = true;
        this.#failedStarts = 0;
        this.#next();
      } else this.#end("value" in data ? data.value : undefined, false);
    };
    this.#worker.onerror = () => {
      if (!this.#ready) this.#failedStarts++;
      this.#end(undefined, true);
    };
    return true;
  }

  /** The current job is over; `broken`: so is its worker. */
  #end(value: Jobs[JobName]["answer"] | undefined, broken: boolean): void {
    if (broken) {
      this.#worker?.terminate();
      this.#worker = null;
      this.#ready = false;
    }
    const over = this.#current;
    this.#current = null;
    if (this.#queue.length === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    }
    over?.resolve(value);
    this.#next();
  }
}

const address = document.querySelector<HTMLMetaElement>('meta[name="rozmova-reader"]')?.content ?? "reader.js";
const place = new URL(address, document.baseURI);

/** Two threads, so that colours never wait in front of words. */
export const readers = { words: new Workshop(place), colours: new Workshop(place) };
