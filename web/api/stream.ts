// Follows one turn to its end over any number of connections: each event once, in order, no gap.

import { createParser } from "eventsource-parser";
import { ApiError, api } from "./api.ts";
import { pause } from "./network.ts";
import type { Answer, TurnEvent } from "./wire.ts";

/** `waiting` until the first byte, `open` while events can arrive, `lost` between two connections. */
export type Connection = "waiting" | "open" | "lost";

export interface FollowOptions {
  /** Starts the turn; called again (with the same Idempotency-Key inside) if its answer got lost. Absent: `turnId` is running already. */
  post?: (signal: AbortSignal) => Promise<Response>;
  turnId?: string;
  signal: AbortSignal;
  onConnection(state: Connection): void;
}

/** The server sends a comment every 15 s of silence; twice that and a bit means the connection is dead. */
const silenceMs = 40_000;

/**
 * Yields the turn's events; ends after `turn-end` or when `signal` is aborted. Connects again for as long as it takes, also to
 * start the turn: its key makes it one turn. Throws ApiError on a refusal.
 */
export async function* followTurn(options: FollowOptions): AsyncGenerator<TurnEvent, void> {
  let turnId = options.turnId;
  let last = 0;
  let failures = 0;
  while (!options.signal.aborted) {
    try {
      const response = await connect(options, turnId, last);
      options.onConnection("open");
      for await (const { number, event } of readEvents(response, options.signal)) {
        // After a crash the server may know less of the turn than was seen; its end is the end all the same.
        if (number <= last && event.type !== "turn-end") continue;
        if (number > last + 1) break; // something was missed: ask again from the last one seen
        last = number;
        failures = 0;
        if (event.type === "turn-start") turnId = event.turn_id;
        yield event;
        if (event.type === "turn-end") return;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof ApiError && !passes(error, turnId !== undefined)) throw error;
      failures += 1;
      options.onConnection("lost");
      await pause(retryDelay(failures, error), options.signal);
      continue;
    }
    failures += 1;
    options.onConnection("lost");
    await pause(retryDelay(failures), options.signal);
  }
}

function connect(options: FollowOptions, turnId: string | undefined, after: number): Promise<Response> {
  if (turnId !== undefined) return api.openEvents(turnId, after, options.signal);
  if (options.post) return options.post(options.signal);
  throw new Error("followTurn needs a turn or a way to start one");
}

/** Whether trying again can help without the reader doing anything. A refusal to start a turn is always shown. */
function passes(error: ApiError, started: boolean): boolean {
  if (error.code === "network") return true;
  return started && (error.status >= 500 || error.status === 429);
}

function retryDelay(failures: number, error?: unknown): number {
  if (error instanceof ApiError && error.retryAfterMs !== null) return error.retryAfterMs;
  return Math.min(8000, 300 * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
}

interface Numbered {
  number: number;
  event: TurnEvent;
}

async function* readEvents(response: Response, signal: AbortSignal): AsyncGenerator<Numbered> {
  if (response.headers.get("content-type")?.startsWith("application/json")) {
    yield* eventsOf((await response.json()) as Answer);
    return;
  }
  if (!response.body) return;
  const ready: Numbered[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      if (id !== undefined && event !== undefined) {
        ready.push({ number: Number(id), event: { type: event, ...JSON.parse(data) } as TurnEvent });
      }
    },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    while (!signal.aborted) {
      const { done, value } = await withinSilence(reader.read());
      if (done) return;
      parser.feed(value);
      yield* ready.splice(0);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function withinSilence<T>(read: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ApiError(0, "network", "")), silenceMs);
    read.then(resolve, () => reject(new ApiError(0, "network", ""))).finally(() => clearTimeout(timer));
  });
}

/** A stored answer, for a request that was repeated after its turn had ended, told as the events it stands for. */
function* eventsOf({ turn, reply, session }: Answer): Generator<Numbered> {
  const model = turn.model_served ?? turn.model_requested;
  const { id: turn_id, session_id, user_message_id, reply_message_id } = turn;
  const start = { turn_id, session_id, user_message_id, reply_message_id, model };
  yield { number: 1, event: { type: "turn-start", ...start } };
  yield { number: 2, event: { type: "turn-end", turn, reply, session } };
}
