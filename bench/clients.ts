// One turn as a client takes it: of ours by a message, of the floor and the vendor by the whole conversation.

import { questionLength, textOf } from "./conversation.ts";
import type { Job } from "./load.ts";
import { streamPath } from "./targets.ts";

const decoder = new TextDecoder();
const json = { "content-type": "application/json" };

/** A session while one turn has it: its place among the others, and how many turns it has had before. */
export interface Taken {
  id: string;
  place: number;
  turns: number;
}

/**
 * Sessions in turn, each to one turn at a time: one whose turn has ended goes to the end of the line. A turn that takes long
 * keeps its session, and nobody else meets it there.
 */
export class SessionLine {
  private readonly free: Taken[];

  constructor(ids: readonly string[]) {
    this.free = ids.map((id, place) => ({ id, place, turns: 0 }));
  }

  async use<T>(work: (taken: Taken) => Promise<T>): Promise<T> {
    const taken = this.free.shift();
    if (!taken) throw new Error("more turns at once than there are sessions");
    try {
      return await work(taken);
    } finally {
      taken.turns++;
      this.free.push(taken);
    }
  }
}

/** Where a session's next turn is asked for. */
export type Address = string | ((taken: Taken) => string);

/** A job that posts a message, `sessions` in turn, and reads the JSON answer. */
export function askJson(address: Address, sessions: readonly string[], headers: Record<string, string> = {}): Job {
  const line = new SessionLine(sessions);
  return (index) =>
    line.use(async (taken) => {
      const response = await postMessage(address, taken, index, false, headers);
      const text = await response.text();
      if (response.status !== 201 || !text.includes('"status":"complete"'))
        throw new Error(`${response.status}: ${text.slice(0, 300)}`);
    });
}

/** A job that posts a message and reads the stream to its `turn-end`; counts the deltas of every fiftieth. */
export function askStream(address: Address, sessions: readonly string[], deltas: number): Job {
  const line = new SessionLine(sessions);
  return (index) =>
    line.use(async (taken) => {
      const response = await postMessage(address, taken, index, true);
      const { bytes, tail } = await readAll(response, index % 50 === 0);
      if (!tail.includes("event: turn-end") || !tail.includes('"status":"complete"'))
        throw new Error(`${response.status}: a stream without its end: ${tail.slice(-300)}`);
      if (bytes === undefined) return;
      const seen = bytes.split("event: text-delta").length - 1;
      if (seen !== deltas) throw new Error(`${seen} deltas instead of ${deltas}`);
    });
}

/** A job that sends the whole conversation, as to the vendor, and reads all that comes back. */
export function relay(url: string, body: Uint8Array<ArrayBuffer>): Job {
  const headers = { ...json, "x-goog-api-key": "bench" };
  return async () => {
    const response = await fetch(url + streamPath, { method: "POST", headers, body });
    const { tail } = await readAll(response, false);
    if (response.status !== 200 || !tail.includes('"finishReason"'))
      throw new Error(`${response.status}: a relayed stream without its end: ${tail.slice(-300)}`);
  };
}

function postMessage(
  address: Address,
  taken: Taken,
  index: number,
  stream: boolean,
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = JSON.stringify({ content: textOf(index, questionLength), stream });
  const url = typeof address === "string" ? address : address(taken);
  return fetch(`${url}/sessions/${taken.id}/messages`, {
    method: "POST",
    headers: { ...json, ...headers },
    body,
  });
}

/** The end of a body, and all of it where that is wanted: a client that decodes everything would be most of the load. */
async function readAll(response: Response, whole: boolean): Promise<{ bytes: string | undefined; tail: string }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body!) {
    if (!whole && chunks.length === 8) chunks.shift();
    chunks.push(chunk);
  }
  const text = decoder.decode(Buffer.concat(chunks));
  return { bytes: whole ? text : undefined, tail: text.slice(-8_000) };
}

/** A new empty session; returns its id. */
export async function addSession(url: string): Promise<string> {
  const response = await fetch(`${url}/sessions`, { method: "POST", headers: json, body: "{}" });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}
