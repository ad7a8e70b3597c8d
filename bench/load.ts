// The clients: a closed loop of so many at once, and an open loop at a given rate that waits for nobody.

export interface Finished {
  /** Jobs that ended as they should. */
  done: number;
  failures: string[];
  wallSeconds: number;
  /** Milliseconds each job took, from its sending. */
  tookMs: number[];
}

/** Does a job; throws when its answer is not what it should be. */
export type Job = (index: number) => Promise<void>;

const failuresKept = 5;

/** Runs jobs 0 .. count - 1, `atOnce` at a time. */
export async function runClosed(count: number, atOnce: number, job: Job): Promise<Finished> {
  const finished = nothing();
  let next = 0;
  const work = async () => {
    while (next < count) await runOne(next++, job, finished);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
  finished.wallSeconds = (performance.now() - began) / 1000;
  return finished;
}

export interface OpenFinished extends Finished {
  /** How late the client itself sent, at worst and at the 99th percentile: its own fault, not the target's. */
  sentLateMs: number[];
}

/** Runs jobs at random moments, `perSecond` on average, whatever became of the ones before. */
export async function runOpen(count: number, perSecond: number, random: () => number, job: Job): Promise<OpenFinished> {
  const finished: OpenFinished = { ...nothing(), sentLateMs: [] };
  const began = performance.now();
  const sent: Promise<void>[] = [];
  let due = began;
  for (let index = 0; index < count; index++) {
    due += (-Math.log(1 - random()) / perSecond) * 1000;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    finished.sentLateMs.push(Math.max(0, performance.now() - due));
    sent.push(runOne(index, job, finished));
  }
  await Promise.all(sent);
  finished.wallSeconds = (performance.now() - began) / 1000;
  return finished;
}

function nothing(): Finished {
  return { done: 0, failures: [], wallSeconds: 0, tookMs: [] };
}

async function runOne(index: number, job: Job, finished: Finished): Promise<void> {
  const began = performance.now();
  try {
    await job(index);
    finished.done++;
    finished.tookMs.push(performance.now() - began);
  } catch (cause) {
    if (finished.failures.length < failuresKept)
      finished.failures.push(cause instanceof Error ? cause.message : String(cause));
  }
}
