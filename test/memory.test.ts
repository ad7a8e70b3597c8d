// Memory: never over the window, the same prefix turn after turn, cut rarely and in big steps, pairs never split.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type MemoryInput, planMemory, requireFit, tokensAlone } from "../src/conversation/memory.ts";
import { messageTokens, type PastTurn, PrintedPath } from "../src/conversation/path.ts";
import { AppError } from "../src/errors.ts";
import { countThirds, estimateTokens, fromThirds, leastTokens } from "../src/money/tokens.ts";

const uncalibrated = { promptEstimate: 0, promptTokens: 0 };
const plenty = 1_000_000;

/** Turns whose answers end as given: [status, text]. Questions are q0, q1, ... */
function turnsOf(answers: [PastTurn["status"], string][], change: Partial<PastTurn> = {}): PastTurn[] {
  const signed = { vendorParts: null, modelServed: "m" };
  return answers.map(([status, answer], position) => ({
    ...{ position, question: `q${position}`, answer, status, finishReason: null, ...signed },
    ...change,
  }));
}

/** As a vendor's adapter would print it, but for people. */
const print = (question: string, answer: string, parts: string | null) => `u:${question}|a:${parts ?? answer}|`;

interface Asked extends Partial<Omit<MemoryInput, "path" | "alone">> {
  system?: string | null;
  turns?: readonly PastTurn[];
  from?: number;
  content?: string;
  model?: string;
}

/** What is planned, and what the model is shown by it. */
function plan({ turns = [], from = 0, content = "new", model = "m", system = null, ...change }: Asked) {
  const path = new PrintedPath(from, model, print);
  for (const turn of turns) path.add(turn);
  const alone = tokensAlone(system, messageTokens(content));
  const planned = planMemory({
    ...{ path, alone, room: plenty, calibration: uncalibrated },
    ...change,
  });
  const memory = Buffer.from(path.printFrom(planned.first)).toString();
  const said = [...memory.split("|").slice(0, -1), `u:${planned.showsWaiting ? path.waiting : ""}${content}`];
  return { ...planned, said };
}

describe("what is remembered", () => {
  test("the whole conversation in order while it fits, the new message last", () => {
    const { said, from } = plan({
      turns: turnsOf([
        ["complete", "a0"],
        ["complete", "a1"],
      ]),
    });
    expect(said).toEqual(["u:q0", "a:a0", "u:q1", "a:a1", "u:new"]);
    expect(from).toBe(0);
  });

  const withoutWords = (status: PastTurn["status"], change: Partial<PastTurn> = {}) =>
    turnsOf([
      ["complete", "a0"],
      [status, ""],
      ["complete", "a2"],
    ]).map((turn) => (turn.answer === "" ? { ...turn, ...change } : turn));

  test("a question that was answered without words is kept, before the next one", () => {
    for (const status of ["stopped", "interrupted", "complete"] as const)
      expect(plan({ turns: withoutWords(status) }).said).toEqual(["u:q0", "a:a0", "u:q1\n\nq2", "a:a2", "u:new"]);
    const turns = turnsOf([
      ["complete", "a0"],
      ["stopped", ""],
      ["complete", ""],
    ]);
    expect(plan({ turns }).said).toEqual(["u:q0", "a:a0", "u:q1\n\nq2\n\nnew"]);
    expect(plan({ turns }).promptEstimate).toBe(4 * 6 + 5);
  });

  test("a question whose turn failed, was blocked, or still runs is left out: it is asked again, or would have the next one blocked", () => {
    for (const turns of [
      withoutWords("failed"),
      withoutWords("running"),
      withoutWords("complete", { finishReason: "blocked" }),
    ])
      expect(plan({ turns }).said).toEqual(["u:q0", "a:a0", "u:q2", "a:a2", "u:new"]);
  });

  test("a stopped, interrupted or failed turn goes in with the text it had", () => {
    for (const status of ["failed", "stopped", "interrupted"] as const)
      expect(plan({ turns: turnsOf([[status, "half an ans"]]) }).said).toEqual(["u:q0", "a:half an ans", "u:new"]);
  });

  test("a running row is never shown to the model, not even with text", () => {
    expect(plan({ turns: turnsOf([["running", "half"]]) }).said).toEqual(["u:new"]);
  });

  test("what a model signed goes back to that model only, byte for byte", () => {
    const turns = turnsOf([["complete", "a0"]], { vendorParts: '[{"text":"a0"}]', modelServed: "m" });
    expect(plan({ turns, model: "m" }).said[1]).toBe('a:[{"text":"a0"}]');
    expect(plan({ turns, model: "other" }).said[1]).toBe("a:a0");
  });
});

describe("too long", () => {
  const room = 80;
  const thrown = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      if (error instanceof AppError) return error.code;
      throw error;
    }
    return null;
  };

  test("context_too_long exactly when the message and the system text do not fit even alone", () => {
    for (let length = 200; length <= 260; length++) {
      const content = "x".repeat(length);
      const refused = thrown(() => plan({ content, room }));
      expect(thrown(() => requireFit(tokensAlone(null, messageTokens(content)), room))).toBe(refused);
      expect(refused === null).toBe(Math.ceil(length / 3) + 4 <= 80);
    }
  });

  test("the system text counts, and is never dropped to make room", () => {
    expect(thrown(() => requireFit(tokensAlone("s".repeat(240), messageTokens("hi")), room))).toBe("context_too_long");
    expect(thrown(() => plan({ system: "s".repeat(240), content: "hi", room }))).toBe("context_too_long");
  });

  test("a message that fits only alone is sent alone, and memory begins with it", () => {
    const turns = turnsOf([
      ["complete", "a".repeat(60)],
      ["complete", "b".repeat(60)],
    ]);
    const result = plan({ turns, content: "x".repeat(220), room });
    expect(result.said).toEqual([`u:${"x".repeat(220)}`]);
    expect(result.from).toBe(2);
    const waiting = turnsOf([["stopped", ""]], { question: "w".repeat(150) });
    expect(plan({ turns: waiting, content: "x".repeat(220), room })).toMatchObject({ said: result.said, from: 1 });
  });
});

describe("calibration", () => {
  const turns = turnsOf([["complete", "a".repeat(3000)]]);
  const raw = plan({ turns }).promptEstimate;

  const estimate = (promptEstimate: number, promptTokens: number, content = "new") =>
    plan({ turns, content, calibration: { promptEstimate, promptTokens } }).estimate;

  test("scales the estimate where the vendor counted less, to a quarter at most; unknown counts change nothing", () => {
    expect(estimate(0, 0)).toBe(raw);
    expect(estimate(1000, 0)).toBe(raw);
    expect(estimate(1000, 500)).toBe(Math.ceil(raw / 2));
    expect(estimate(1_000_000, 1)).toBe(Math.ceil(raw / 4));
  });

  test("what the vendor adds to every prompt is added once: a long message after a short one is not taken for four times as long", () => {
    const long = "word ".repeat(180_000);
    const alone = plan({ turns, content: long }).promptEstimate;
    expect(alone).toBeGreaterThan(300_000);
    for (const [ours, theirs] of [
      [10, 40],
      [10, 20_010],
      [100, 1_000],
    ] as const)
      expect(estimate(ours, theirs, long) / (alone + theirs)).toBeLessThan(1.03);
  });

  test("what a long text is above our estimate is scaled, and the same prompt is estimated as it was counted", () => {
    expect(estimate(100_000, 140_000, "x".repeat(600_000)) / (200_000 * 1.4)).toBeGreaterThan(0.95);
    for (const [ours, theirs] of [
      [raw, 3 * raw],
      [raw, raw + 7],
      [raw, Math.ceil(raw * 0.6)],
    ] as const)
      expect(estimate(ours, theirs)).toBe(theirs);
  });

  test("does not swing: kept turn after turn, it settles on the vendor's count", () => {
    let calibration = uncalibrated;
    const history: PastTurn[] = [];
    for (let turn = 0; turn < 30; turn++) {
      const result = plan({ turns: history, content: "question ".repeat(20), calibration });
      const vendorCount = Math.ceil(result.promptEstimate * 0.6);
      if (turn > 0) expect(Math.abs(result.estimate - vendorCount)).toBeLessThanOrEqual(3);
      calibration = { promptEstimate: result.promptEstimate, promptTokens: vendorCount };
      history.push(...turnsOf([["complete", "answer ".repeat(50)]], { position: turn }));
    }
  });
});

const tokens = (text: string) => estimateTokens(text) + 4;
/** What a UTF-16 unit counts, by the rule alone. */
const thirdsOf = (unit: number) => ((unit >= 48 && unit <= 57) || unit >= 0x800 ? 3 : unit >= 0x80 ? 2 : 1);

/** One turn of a simulated conversation. */
const turnOf = fc.record({
  question: fc.integer({ min: 1, max: 300 }),
  answer: fc.integer({ min: 1, max: 600 }),
  status: fc.constantFrom(
    "complete" as const,
    "complete" as const,
    "complete" as const,
    "stopped" as const,
    "failed" as const,
  ),
  silent: fc.boolean(),
});
const conversation = fc.record({
  turns: fc.array(turnOf, { minLength: 20, maxLength: 150 }),
  systemLength: fc.integer({ min: 0, max: 600 }),
  room: fc.integer({ min: 1300, max: 6000 }),
  /** The vendor's tokens to a hundred of ours, and what it adds to every prompt. */
  percent: fc.integer({ min: 20, max: 150 }),
  overhead: fc.integer({ min: 0, max: 300 }),
});

describe("a long conversation, turn by turn", () => {
  test("is never over the window, keeps its prefix but for rare big steps, keeps order and pairs", () => {
    let steps = 0;
    fc.assert(
      fc.property(conversation, fc.boolean(), ({ turns, systemLength, room, percent, overhead }, calibrated) => {
        const system = systemLength === 0 ? null : "s".repeat(systemLength);
        const path: PastTurn[] = [];
        let from = 0;
        let calibration = uncalibrated;
        let previous: string[] = [];
        let grownSinceStep: number | null = null;
        for (const [at, turn] of turns.entries()) {
          const content = `${at} `.padEnd(turn.question, "q");
          const result = plan({
            turns: path.filter(({ position }) => position >= from),
            ...{ from, system, content, room, calibration },
          });
          const { said, estimate } = result;

          expect(estimate).toBeLessThanOrEqual(room);
          expect(said.length % 2).toBe(1);
          expect(said.every((message, index) => message[0] === (index % 2 === 0 ? "u" : "a"))).toBe(true);
          expect(said.at(-1)!.split("\n\n").at(-1)!.replace("u:", "")).toBe(content);
          const numbers = said.map((message) => Number.parseInt(message.slice(2).split("\n\n").at(-1)!, 10));
          const misplaced = numbers.findIndex((number, index) =>
            index % 2 === 0 ? index > 0 && number <= numbers[index - 1]! : number !== numbers[index - 1],
          ); // an answer follows its own question, a question follows an older answer
          expect(misplaced).toBe(-1);

          if (result.from === from) {
            const repeated = said.slice(0, Math.min(previous.length, said.length - 1));
            expect(repeated).toEqual(previous.slice(0, repeated.length));
            expect(said.length).toBeGreaterThanOrEqual(previous.length);
          } else {
            steps++;
            expect(result.from).toBeGreaterThan(from);
            const whole = said.length === 1;
            if (!calibrated && !whole) {
              // The step left a quarter free, so about a quarter must have come in since the one before.
              expect(estimate).toBeLessThanOrEqual(room - Math.floor(room / 4));
              if (grownSinceStep !== null)
                expect(grownSinceStep + tokens(content)).toBeGreaterThan(Math.floor(room / 4));
            }
            grownSinceStep = -tokens(content);
          }

          from = result.from;
          const hasText = turn.status === "complete" || !turn.silent;
          const answer = hasText ? `${at} `.padEnd(turn.answer, "a") : "";
          path.push(...turnsOf([[turn.status, answer]], { position: at, question: content }));
          if (grownSinceStep !== null && (hasText || turn.status === "stopped"))
            grownSinceStep += tokens(content) + (hasText ? tokens(answer) : 0);
          // What the next turn will repeat: everything sent now, and the answer, if the turn counts.
          previous = hasText ? [...said, `a:${answer}`] : said.slice(0, -1);
          if (calibrated)
            calibration = {
              promptEstimate: result.promptEstimate,
              promptTokens: Math.ceil((result.promptEstimate * percent) / 100) + overhead,
            };
        }
      }),
      { numRuns: 100 },
    );
    expect(steps).toBeGreaterThan(50); // the simulation does reach the steps it is about
  });

  test("one message to a smaller model is shown less, and leaves memory where the usual model's window has it", () => {
    const turns = turnsOf(Array.from({ length: 50 }, (_, at) => ["complete", `${at}`.padEnd(90, "a")]));
    const room = 500;
    const small = plan({ turns, room, usualRoom: plenty });
    expect(small.said).toEqual(plan({ turns, room }).said);
    expect(small.from).toBe(0);
    const medium = 1_000;
    expect(plan({ turns, room, usualRoom: medium }).from).toBe(plan({ turns, room: medium }).from);
    expect(plan({ turns, room: medium, usualRoom: room }).from).toBe(plan({ turns, room: medium }).from);
  });

  test("a memory that begins later is planned the same from the rows that are left", () => {
    const turns = turnsOf(Array.from({ length: 50 }, (_, at) => ["complete", `${at}`.padEnd(90, "a")]));
    const room = 1000;
    const first = plan({ turns, room });
    expect(first.from).toBeGreaterThan(0);
    const again = plan({ turns: turns.filter(({ position }) => position >= first.from), from: first.from, room });
    expect(again).toEqual({ ...first, first: 0 });
  });
});

describe("the estimate of tokens", () => {
  test("is three bytes to a token, one token to an ideograph or a digit, two to an emoji, rounded up", () => {
    expect(["", "a", "abc", "abcd", "hello world!"].map(estimateTokens)).toEqual([0, 1, 1, 2, 4]);
    expect(["你好", "こんにちは", "안녕"].map(estimateTokens)).toEqual([2, 5, 2]);
    expect(["розмова"].map(estimateTokens)).toEqual([5]); // 14 bytes
    expect(["😀", "👩‍💻", "12345", "3.14"].map(estimateTokens)).toEqual([2, 5, 5, 4]);
  });

  test("is never below the text's bytes / 3 in any script, nor above its UTF-16 units, and never falls as text grows", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        fc.string({ unit: "grapheme", maxLength: 20 }),
        (text, more) => {
          const tokens = estimateTokens(text);
          expect(tokens * 3).toBeGreaterThanOrEqual(Buffer.byteLength(text));
          expect(tokens).toBeLessThanOrEqual(text.length);
          expect(estimateTokens(text + more)).toBeGreaterThanOrEqual(tokens);
          expect(leastTokens(tokens)).toBeLessThanOrEqual(tokens);
          expect(fromThirds(countThirds(text) + countThirds(more))).toBe(estimateTokens(text + more));
          expect(leastTokens(tokens) > 0).toBe(text !== "");
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("is what its units count one by one, digits in runs or alone, pairs whole or in halves", () => {
    const pieces = fc.constantFrom("a", " ", "7", "2026", "é", "ж", "字", "😀", "\ud83d", "\ude00", "\u0000", "٣");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const text = parts.join("");
        let alone = 0;
        for (let at = 0; at < text.length; at++) alone += thirdsOf(text.charCodeAt(at));
        expect(estimateTokens(text)).toBe(Math.ceil(alone / 3));
      }),
      { numRuns: 2000 },
    );
  });

  test("survives halves of surrogate pairs", () => {
    expect(estimateTokens("\ud83d")).toBe(1);
    expect(estimateTokens("\ude00".repeat(3))).toBe(3);
  });

  test("reads a whole window of text in well under a second", () => {
    const text = "Слово, word, 字 and 😀. ".repeat(200_000);
    const begun = performance.now();
    expect(estimateTokens(text)).toBeGreaterThan(1_000_000);
    const microsecondsPer100 = ((performance.now() - begun) * 1000) / (text.length / 100);
    console.log(`estimateTokens: ${microsecondsPer100.toFixed(2)} us per 100 characters`);
    expect(microsecondsPer100).toBeLessThan(20);
  });
});
