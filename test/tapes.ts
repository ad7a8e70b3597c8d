// Real recordings of the vendor, where this machine has them; tests that need them say so where it has not.

import { existsSync, readFileSync } from "node:fs";

export interface Tape {
  id: string;
  method: string;
  status: number;
  response_headers: Record<string, string>;
  response_body: unknown;
  response_raw?: string | null;
}

const file = new URL("../../shared/tapes/gemini.jsonl", import.meta.url);
export const tapes: Tape[] = existsSync(file)
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
  : [];
if (tapes.length === 0) console.log("SKIPPED: real recordings are not here (../shared/tapes/gemini.jsonl)");

/** A recorded answer as the body of a streamed call: its events, or the refusal as it stands. */
export function bodyOf(tape: Tape): string {
  if (tape.status !== 200) return tape.response_raw ?? JSON.stringify(tape.response_body);
  const streamed = tape.method === "streamGenerateContent";
  if (streamed && tape.response_raw) return tape.response_raw;
  const events = (streamed ? tape.response_body : [tape.response_body]) as object[];
  return events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join("");
}
