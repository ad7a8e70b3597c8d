// What stood before a question when the vendor was asked it: two turns that ran at once in a session would show in it.

import { expect } from "bun:test";
import type { Emulator } from "../emulator/emulator.ts";
import type { MessageBody } from "./client.ts";

/** Each question of a test says something of its own, so that a call to the vendor tells whose it is. */
export const newQuestion = () => `question-${crypto.randomUUID()}`;
const questionPattern = /question-[0-9a-f-]{36}/g;

/**
 * Every call that asked this path's question at `at` was made when all that stands before it was said, to the last word, and
 * nothing of what stands after it. Returns how many calls there were.
 */
export function expectSaidBefore(emulator: Emulator, path: readonly MessageBody[], at: number): number {
  const question = path[at]!;
  const mine = emulator
    .generateCalls()
    .map(({ body }) => readSent(body))
    .filter(({ questions }) => questions.at(-1) === question.content);
  const before = path.slice(0, at);
  const answers = before.filter(({ role, content }) => role === "assistant" && content !== "");
  const questions = before.filter(({ role }) => role === "user").map(({ content }) => content);
  for (const sent of mine) {
    expect(sent.answers).toEqual(answers.map(({ content }) => content));
    // A question without an answer may be left out.
    const told = questions.filter((content) => sent.questions.includes(content));
    expect(sent.questions).toEqual([...told, question.content]);
  }
  return mine.length;
}

/** What a call showed the model: the questions in it, in order, and the answers that have words. */
function readSent(body: unknown): { questions: string[]; answers: string[] } {
  const { contents } = body as { contents: { role: string; parts: { text?: string }[] }[] };
  const textOf = (content: (typeof contents)[number]) => content.parts.map(({ text }) => text ?? "").join("");
  return {
    questions: contents
      .filter(({ role }) => role === "user")
      .flatMap((said) => textOf(said).match(questionPattern) ?? []),
    answers: contents
      .filter(({ role }) => role === "model")
      .map(textOf)
      .filter((text) => text !== ""),
  };
}
