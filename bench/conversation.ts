// What is said in the benchmark: texts of the usual lengths, and the request body that a client with twenty messages sends.

/** A model whose price does not change for a while: 0.30 and 2.50 USD per million tokens (vendor's page, read 2026-11-23). */
export const model = "gemini-3.5-flash-lite";
const picoPerInputToken = 300_000n;
const picoPerOutputToken = 2_500_000n;

/** Earlier messages in a session before its first measured turn, and turns then taken from it: 20 messages sent on average. */
export const earlierMessages = 16;
export const turnsPerSession = 4;

const words =
  "the model answers a question about ports and sockets while another process writes to the same disk and nobody waits for it because each turn is kept in one short transaction before its reader hears the end of what was said".split(
    " ",
  );

/** About `length` characters of words; other numbers give other texts. */
export function textOf(number: number, length: number): string {
  let text = `${number}:`;
  for (let at = number; text.length < length; at++) text += ` ${words[(at * 7 + (number >> 3)) % words.length]}`;
  return text;
}

export const questionLength = 120;
export const answerLength = 400;

/** What a client without a server of ours must send each time: the question, and all messages before it (an even number). */
export function wholeBody(earlier = earlierMessages + turnsPerSession - 2): Uint8Array<ArrayBuffer> {
  const contents = [];
  for (let at = 0; at <= earlier; at++) {
    const isAnswer = at % 2 === 1;
    const text = textOf(at, isAnswer ? answerLength : questionLength);
    contents.push({ role: isAnswer ? "model" : "user", parts: [{ text }] });
  }
  return new TextEncoder().encode(JSON.stringify({ contents }));
}

/** The usage a call of the emulator reports: what its own answer says, read from that answer. */
export interface CallUsage {
  promptTokenCount?: number;
  candidatesTokenCount?: number;
  cachedContentTokenCount?: number;
}

/** What one such call costs, by the price above: worked out here, apart from the program that is measured. */
export function costOf(usage: CallUsage): bigint {
  if (usage.cachedContentTokenCount) throw new Error("the benchmark's calls are not cached");
  return (
    BigInt(usage.promptTokenCount ?? 0) * picoPerInputToken +
    BigInt(usage.candidatesTokenCount ?? 0) * picoPerOutputToken
  );
}
