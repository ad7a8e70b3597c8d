// An event that is recognised says what parsing it would say, to the letter; one that only looks like it is not recognised.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { findRun } from "../src/providers/gemini/usual.ts";
import { findValue } from "../src/providers/json-slice.ts";

const before = '{"candidates": [{"content": {"parts": [{"text": ';
const after =
  '}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 16,"candidatesTokenCount": 2,"totalTokenCount": 18,' +
  '"promptTokensDetails": [{"modality": "TEXT","tokenCount": 10},{"modality": "IMAGE","tokenCount": 6}],"thoughtsTokenCount": 0,' +
  '"serviceTier": "standard"},"modelVersion": "gemini-2.5-flash","responseId": "jlD0dXL7tVSfKwC__cX7yZ"}';
const usual = `${before}"word "${after}`;
const last = usual.replace('"index"', '"finishReason": "STOP","index"');

/** What the members that are looked at say; throws for what is no JSON. */
function parse(json: string) {
  const { candidates, usageMetadata, modelVersion, responseId: _, ...others } = JSON.parse(json);
  const [{ content, finishReason, index, ...besideContent }, ...otherCandidates] = candidates;
  const [{ text, thought = false, ...besideText }, ...otherParts] = content.parts;
  expect({ others, besideContent, otherCandidates, besideText, otherParts, index }).toEqual({
    ...{ others: {}, besideContent: {}, otherCandidates: [], besideText: {}, otherParts: [], index: 0 },
  });
  expect(typeof usageMetadata).toBe("object");
  expect(["STOP", undefined]).toContain(finishReason);
  const { start, end } = findValue(json, ["usageMetadata"])!;
  return {
    text,
    isThought: thought,
    isLast: finishReason === "STOP",
    usage: json.slice(start, end),
    modelVersion,
  };
}

/** What is recognised, in the same words. */
function findUsual(json: string) {
  const found = findRun(`data: ${json}\r\n\r\n`, 0);
  if (found === null) return undefined;
  const { texts, isThought, isDone: isLast, usage, model: modelVersion } = found;
  expect(texts.length).toBeLessThan(2);
  return { text: texts[0] ?? "", isThought, isLast, usage, modelVersion };
}

test("any text, printed in any way, is what it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.boolean(), fc.boolean(), (text, isThought, escaped) => {
      let printed = JSON.stringify(text);
      if (escaped)
        printed = printed.replace(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
      const json = `${before}${printed}${isThought ? ',"thought": true' : ""}${after}`;
      expect(findUsual(json)).toEqual({ ...parse(json), text, isThought });
    }),
  );
});

test("whatever is changed in it: it is not recognised, or says what parsing says", () => {
  const piece = fc.constantFrom(
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    " ",
    "0",
    "a",
    "\n",
    "\u0000",
    "\\u00e",
    '"error": {}',
    ',"a": 1',
  );
  fc.assert(
    fc.property(fc.constantFrom(usual, last), fc.nat(last.length), fc.nat(3), piece, (event, at, less, more) => {
      const json = event.slice(0, at) + more + event.slice(at + less);
      const found = findUsual(json);
      if (found !== undefined) expect(found).toEqual(parse(json));
    }),
    { numRuns: 5_000 },
  );
});

test("the counters of every usual answer are recognised: nothing said yet, cached, with tools, of an older server", () => {
  const details = '[{"modality": "TEXT","tokenCount": 4},{"modality": "AUDIO","tokenCount": 5}]';
  for (const usage of [
    '"promptTokenCount": 9,"totalTokenCount": 9,"promptTokensDetails": DETAILS',
    '"promptTokenCount": 9,"candidatesTokenCount": 1,"totalTokenCount": 10,"promptTokensDetails": DETAILS,"thoughtsTokenCount": 3',
    '"promptTokenCount": 9,"candidatesTokenCount": 1,"totalTokenCount": 10,"cachedContentTokenCount": 9,"promptTokensDetails": DETAILS,"cacheTokensDetails": DETAILS,"serviceTier": "standard"',
    '"promptTokenCount": 9,"candidatesTokenCount": 1,"totalTokenCount": 19,"promptTokensDetails": DETAILS,"toolUsePromptTokenCount": 9,"toolUsePromptTokensDetails": DETAILS,"thoughtsTokenCount": 3,"serviceTier": "flex"',
  ]) {
    const json = usual.replace(/"promptTokenCount.*(?=\},"modelVersion)/, usage.replaceAll("DETAILS", details));
    expect(findUsual(json)).toEqual(parse(json));
  }
});

test("another end, a signature, a second part, an error beside it, many escapes and endless counters are left to the parser", () => {
  expect(findUsual(usual)).toEqual(parse(usual));
  expect(findUsual(last)).toEqual({ ...parse(usual), isLast: true });
  for (const [part, other] of [
    ['"index": 0', '"finishReason": "MAX_TOKENS","index": 0'],
    ['"index": 0', '"finishReason": "STOP","finishMessage": "Done.","index": 0'],
    ['"word "', '"word ","thoughtSignature": "AAEC"'],
    ['"word "}', '"word "},{"text": "more"}'],
    ['{"candidates"', '{"error": {"code": 503},"candidates"'],
    ['"totalTokenCount": 18', '"totalTokenCount": 18}, "error": {"code": 503'],
    ['"totalTokenCount": 18', '"totalTokenCount": 018'],
    ["word", "\\n".repeat(31)],
    ["standard", "s".repeat(41)],
    ['{"modality": "TEXT","tokenCount": 10}', '{"modality": "TEXT","tokenCount": 1},'.repeat(10).slice(0, -1)],
  ] as const)
    expect(findUsual(usual.replace(part, other))).toBeUndefined();
});

test("events one behind the other are read in runs of text or of thoughts: each piece once, and the last one's running total", () => {
  const event = fc.record({
    text: fc.oneof(
      fc.constantFrom("", "word ", '"}],"role": "model"}', '","modelVersion": "x'),
      fc.string({ unit: "binary" }),
    ),
    isThought: fc.boolean(),
    isLast: fc.boolean(),
    tokens: fc.nat(),
    lineEnd: fc.constantFrom("\r\n", "\n"),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const stream = events.map(({ text, isThought, isLast, tokens, lineEnd }) => {
        const json = `${before}${JSON.stringify(text)}${isThought ? ',"thought": true' : ""}${after}`;
        const counted = json.replace('Count": 18', `Count": ${tokens}`);
        return `data: ${isLast ? counted.replace('"index": 0}],"u', '"finishReason": "STOP","index": 0}],"u') : counted}${lineEnd}${lineEnd}`;
      });
      const [bytes, left] = [`: first\n\n${stream.join("")}data: {`, [...events]];
      let at = ": first\n\n".length;
      for (let run = findRun(bytes, at); run !== null; run = findRun(bytes, at)) {
        const taken: typeof events = [];
        for (; at < run.end; at += stream.shift()!.length) taken.push(left.shift()!);
        expect(taken.map(({ text }) => text).filter((text) => text !== "")).toEqual(run.texts);
        expect(taken.every(({ isThought }) => isThought === run?.isThought)).toBe(true);
        expect(run.isDone).toBe(taken.some(({ isLast }) => isLast));
        expect(JSON.parse(run.usage).totalTokenCount).toBe(taken.at(-1)!.tokens);
        expect(run.model).toBe("gemini-2.5-flash");
        expect(at).toBe(run.end);
      }
      expect(left).toEqual([]);
      expect(at).toBe(bytes.length - "data: {".length);
    }),
  );
});
