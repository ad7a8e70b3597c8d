// Invariant 10: beyond the model's window a turn costs the same, however long its conversation has become.

import { expect, test } from "bun:test";
import { newSession, say } from "./client.ts";
import { postgresEngine } from "./engines.ts";
import { openLine } from "./line.ts";
import { startServer } from "./server.ts";

interface Costs {
  /** Of the request to the vendor. */
  sentBytes: number;
  /** What the database sent for the whole turn. */
  readBytes: number;
  answerBytes: number;
  promptTokens: number;
}

test("invariant 10: requests, rows read, answers and tokens of a turn are flat beyond the window, also after a restart", async () => {
  const line = await openLine(await postgresEngine.createDatabase());
  const server = await startServer({ databaseUrl: line.url, settings: { MEMORY_MAX_TOKENS: "1000" } });
  try {
    const { id } = await newSession(server.url);
    const words = "вікно window ".repeat(12);
    server.emulator.always({ text: words, chunks: 4 });
    const speak = async (turn: number): Promise<Costs> => {
      const before = line.bytesRead;
      const { status, body } = await say(server.url, id, { content: `${turn} ${words}` });
      expect(status).toBe(201);
      return {
        sentBytes: Buffer.byteLength(server.emulator.generateCalls().at(-1)!.bodyText),
        readBytes: line.bytesRead - before,
        answerBytes: JSON.stringify(body).length,
        promptTokens: body.reply.usage!.input_tokens,
      };
    };
    const costs: Costs[] = [];
    const speakUntil = async (turns: number) => {
      while (costs.length < turns) costs.push(await speak(costs.length));
    };
    await speakUntil(200);
    await server.restart();
    await speakUntil(400);

    const most = (from: number, to: number, cost: keyof Costs) =>
      Math.max(...costs.slice(from, to).map((turn) => turn[cost]));
    const middle = (from: number, to: number, cost: keyof Costs) =>
      costs
        .slice(from, to)
        .map((turn) => turn[cost])
        .sort((one, other) => one - other)[Math.floor((to - from) / 2)]!;
    const windowFull = costs.findIndex((turn, at) => at > 0 && turn.sentBytes < costs[at - 1]!.sentBytes);
    expect(windowFull).toBeGreaterThan(1); // it grew at first
    expect(windowFull).toBeLessThan(30); // and the window is small
    for (const cost of ["sentBytes", "answerBytes", "promptTokens"] as const)
      expect(most(360, 400, cost)).toBeLessThanOrEqual(most(0, 40, cost) * 1.05);
    // The one in the middle, because what is added up and sealed behind the turns, some at a time, is read meanwhile too.
    expect(middle(360, 400, "readBytes")).toBeLessThan(middle(40, 80, "readBytes") * 1.1);
    // The first turn after the restart finds no memory at hand: it reads the window, not the conversation.
    const oneMessage = Buffer.byteLength(words);
    expect(costs[200]!.readBytes).toBeLessThan(most(40, 200, "sentBytes") * 2 + 20_000);
    expect(200 * oneMessage).toBeGreaterThan(costs[200]!.readBytes); // which could not hide in that bound
  } finally {
    await server.stop();
    await line.close();
  }
}, 180_000);
