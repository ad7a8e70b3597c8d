// What another answer to a question would cost, by each model that could give it: asked when the menu opens, a few at a time, and kept.

import { api } from "../api/api.ts";
import type { Message, Quote } from "../api/wire.ts";

const mostKept = 200;
const atOnce = 4;

const kept = new Map<string, Promise<Quote | null>>();
const lanes: Promise<unknown>[] = Array.from({ length: atOnce }, () => Promise.resolve());
let next = 0;

/** Null where no quote comes, which is no trouble of the reader's. `version`: of the session; with another one it is asked anew. */
export function quoteAgain(version: number, question: Message, model: string): Promise<Quote | null> {
  const key = `${version} ${question.id} ${model}`;
  const known = kept.get(key);
  if (known) return known;
  const { session_id, content, parent_id } = question;
  const ask = () => api.quote(session_id, { content, parent_id, model }, AbortSignal.timeout(20_000)).catch(() => null);
  const lane = next++ % atOnce;
  const quote = lanes[lane]!.then(ask);
  lanes[lane] = quote;
  const [oldest] = kept.keys();
  if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
  kept.set(key, quote);
  return quote;
}
