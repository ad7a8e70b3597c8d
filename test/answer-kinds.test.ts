// An answer that is more, or less, than text: the turn says so, and the conversation goes on.

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { newSession, type ProblemBody, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const noon = Date.parse("2026-11-27T12:00:00Z");
let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({ now: () => noon });
});
afterAll(() => server.stop());
beforeEach(() => server.emulator.reset());

const usage = '"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 2,"totalTokenCount": 6}';
/** One event that is the whole answer. */
function serve(parts: string, more = "", finish = "STOP"): void {
  const candidate = `{"content": {"parts": [${parts}],"role": "model"},"finishReason": "${finish}"${more},"index": 0}`;
  server.emulator.serve({ chunks: [`data: {"candidates": [${candidate}],${usage}}\r\n\r\n`] });
}

test("a function call is named, ends as tool_calls, and is not sent back unanswered", async () => {
  const { id } = await newSession(server.url);
  serve('{"text": "Let me look."},{"functionCall": {"name": "look_up","args": {"q": "x"}},"thoughtSignature": "AA=="}');
  const { status, body } = await say(server.url, id, { content: "what is x?" });
  expect([status, body.turn.status, body.turn.finish_reason]).toEqual([201, "complete", "tool_calls"]);
  expect(body.reply.content).toBe("Let me look.");
  expect(body.turn.notices.map(({ code }) => code)).toEqual(["content_not_shown"]);
  expect(body.turn.notices[0]!.detail).toContain("function_call");
  expect((await say(server.url, id, { content: "never mind" })).status).toBe(201);
  const sent = server.emulator.generateCalls().at(-1)!.bodyText;
  expect(sent).toContain("Let me look.");
  expect(sent).not.toContain("functionCall");
});

test.each([
  ['{"inlineData": {"mimeType": "image/png","data": "AA=="}}', "file", "content_not_shown"],
  [
    '{"executableCode": {"language": "PYTHON","code": "1"}},{"codeExecutionResult": {"output": "1"}}',
    "code, code_result",
    "content_not_shown",
  ],
  ['{"text": "4"},{"executableCode": {"language": "PYTHON","code": "2+2"}}', "code", "stop"],
])("%s: the turn names it as %s and ends with %s", async (parts, names, finishReason) => {
  const { id } = await newSession(server.url);
  serve(parts);
  const { turn } = (await say(server.url, id, { content: "draw" })).body;
  expect([turn.status, turn.finish_reason]).toEqual(["complete", finishReason]);
  expect(turn.notices).toEqual([
    { code: "content_not_shown", detail: `The answer also held what cannot be shown yet: ${names}.` },
  ]);
  expect((await say(server.url, id, { content: "and now?" })).status).toBe(201);
  expect(server.emulator.generateCalls().at(-1)!.bodyText).not.toMatch(/inlineData|executableCode/);
});

test("sources are named, and the vendor's words on the end are kept", async () => {
  const { id } = await newSession(server.url);
  serve(
    '{"text": "Yes."}',
    ',"finishMessage": "Recited from a book.","groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://a.test"}}]}',
    "RECITATION",
  );
  const { turn } = (await say(server.url, id, { content: "is it?" })).body;
  expect(turn.finish_reason).toBe("blocked");
  expect(turn.notices).toEqual([
    { code: "content_not_shown", detail: "The answer also held what cannot be shown yet: sources." },
    { code: "finish_detail", detail: "The provider said: RECITATION: Recited from a book." },
  ]);
});

test("a blocked question says what the vendor said of it", async () => {
  const { id } = await newSession(server.url);
  const feedback = '"promptFeedback": {"blockReason": "MODEL_ARMOR","blockReasonMessage": "By the template."}';
  server.emulator.serve({ chunks: [`data: {${feedback},${usage}}\r\n\r\n`] });
  const { status, body } = await say(server.url, id, { content: "?" });
  expect([status, body.turn.finish_reason]).toEqual([201, "blocked"]);
  expect(body.turn.notices).toEqual([
    { code: "finish_detail", detail: "The provider said: MODEL_ARMOR: By the template." },
  ]);
});

test.each([true, false])("the delay that the vendor asks for reaches the caller (streamed: %p)", async (stream) => {
  const { id } = await newSession(server.url);
  server.emulator.play({ fault: "quota-minute", retryDelaySeconds: 48 });
  const response = await fetch(`${server.url}/sessions/${id}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ content: "hi", stream }),
  });
  const problem = (await response.json()) as ProblemBody;
  expect([response.status, problem.code, response.headers.get("retry-after")]).toEqual([
    429,
    "provider_rate_limited",
    "48",
  ]);
});

test.each([
  ["90", "90"],
  ["Fri, 27 Nov 2026 12:01:30 GMT", "90"],
  ["Fri, 27 Nov 2026 11:00:00 GMT", null],
  ["999999999", "86400"],
  ["soon", null],
])("a Retry-After of the vendor's, %s, is passed on as %s", async (header, seconds) => {
  const { id } = await newSession(server.url);
  // Without a time to wait it is tried again: each of the four tries gets the same.
  for (let tries = 0; tries < 4; tries++)
    server.emulator.serve({ status: 429, headers: { "retry-after": header }, chunks: ["{}"] });
  const { status, headers } = await say(server.url, id, { content: "hi" });
  expect([status, headers.get("retry-after")]).toEqual([429, seconds]);
});
