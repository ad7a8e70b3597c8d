// Our adapter and the official SDK read the same bytes over real HTTP and must agree; where the SDK cannot read them, ours must.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { isDeepStrictEqual } from "node:util";
import { createProvider } from "../src/providers/index.ts";
import { type FixtureServer, jsonHeaders, type Reply, sseHeaders, startFixtureServer } from "./fixture-server.ts";
import { streamFixtures } from "./fixtures/gemini/streams.ts";
import { readWithSdk, type SdkRead } from "./gemini-sdk-read.ts";
import { codeOf, readCall } from "./read-call.ts";
import { bodyOf, type Tape, tapes } from "./tapes.ts";

let server: FixtureServer;
beforeAll(async () => {
  server = await startFixtureServer();
});
afterAll(() => server.close());

interface OurRead {
  text: string;
  thought: string;
  finish: string | null;
  usage: unknown;
  /** Those with text and something beside it, which are sent back. */
  otherParts: object[];
  notShown: readonly string[];
  code: string | null;
}

async function readWithOurs(reply: Reply): Promise<OurRead> {
  server.reply = () => reply;
  const provider = createProvider({ apiKey: "test", baseUrl: server.url, retry: { maxAttempts: 1 } });
  const request = { model: "gemini-2.5-flash", system: null, memory: new Uint8Array(0), question: "hello", params: {} };
  const read = await readCall(provider.stream(request, new AbortController().signal));
  const { usageRaw, finishReason } = read.record;
  const parts: object[] = JSON.parse(read.record.printParts(read.text) ?? "[]");
  return {
    text: read.text,
    thought: read.thought,
    finish: finishReason,
    usage: usageRaw === null ? null : JSON.parse(usageRaw),
    otherParts: parts.filter((part) => Object.keys(part).some((name) => name !== "text" && name !== "thought")),
    notShown: read.record.notShown.filter((name) => name !== "sources" && name !== "citations"),
    code: codeOf(read),
  };
}

/** Written down again independently of the adapter: what is in a part beside its text. */
function nameBeside(part: object): string | undefined {
  const known: Record<string, string> = {
    functionCall: "function_call",
    toolCall: "tool_call",
    toolResponse: "tool_result",
    inlineData: "file",
    fileData: "file",
    executableCode: "code",
    codeExecutionResult: "code_result",
  };
  return Object.keys(part)
    .filter((name) => !["text", "thought", "thoughtSignature"].includes(name))
    .map((name) => known[name] ?? name)[0];
}

/** The vendor's finish word as the API's users see it, written down again independently of the adapter. */
function inOurWords(finish: string | null, text: string, beside: string[]): string | null {
  const blocked =
    /^(SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|IMAGE_SAFETY|MODEL_ARMOR|IMAGE_PROHIBITED_CONTENT)$/;
  if (finish === null) return null;
  if (blocked.test(finish)) return "blocked";
  if (finish !== "STOP") return finish.toLowerCase();
  if (beside.includes("function_call")) return "tool_calls";
  return text !== "" ? "stop" : beside.length > 0 ? "content_not_shown" : "empty";
}

/** Whether both failed alike. The SDK ends well where the vendor never said that it finished; ours does not. */
function failAlike(code: string | null, { error, finish }: SdkRead): boolean {
  if (error === null) return code === (finish === null ? "provider_error" : null);
  const refusals: Record<number, string[]> = {
    400: ["provider_error", "provider_refused_key", "context_too_long"],
    403: ["provider_refused_key"],
    404: ["model_not_found"],
    503: ["provider_unavailable"],
  };
  return (refusals[error.status ?? 0] ?? ["provider_error"]).includes(code ?? "");
}

/** What differs between the two readings, by name; nothing when they agree. */
function compare(ours: OurRead, sdk: SdkRead): string[] {
  const beside = [...new Set(sdk.otherParts.map(nameBeside).filter((name) => name !== undefined))];
  const withText = sdk.otherParts.filter((part) => nameBeside(part) === undefined);
  const differs: [string, boolean][] = [
    ["text", ours.text !== sdk.text],
    ["thought", ours.thought !== sdk.thought],
    ["finish", ours.finish !== inOurWords(sdk.finish, sdk.text, beside)],
    ["usage", !isDeepStrictEqual(ours.usage, sdk.usage)],
    ["parts", !isDeepStrictEqual(ours.otherParts, withText)],
    ["not shown", !isDeepStrictEqual(ours.notShown, beside)],
    ["failure", !failAlike(ours.code, sdk)],
  ];
  return differs.filter(([, differ]) => differ).map(([name]) => name);
}

const report = (title: string, agreed: number, onlyOurs: number) =>
  console.log(`${title}: the SDK agrees on ${agreed}, only ours reads ${onlyOurs}`);

test("our own fixtures: the SDK agrees wherever it can read them", async () => {
  let agreed = 0;
  const wrong: string[] = [];
  for (const fixture of streamFixtures) {
    const reply = { headers: sseHeaders, chunks: [fixture.body] };
    const ours = await readWithOurs(reply);
    const sdk = await readWithSdk(server.url, true);
    const same = compare(ours, sdk).length === 0;
    if (same) agreed++;
    if (same === (fixture.onlyOurs ?? false))
      wrong.push(`${fixture.name}: ${compare(ours, sdk)} ${JSON.stringify({ ours, sdk })}`);
    expect({ name: fixture.name, text: ours.text, code: ours.code }).toEqual({
      name: fixture.name,
      text: fixture.text,
      code: fixture.error ?? null,
    });
  }
  report("fixtures", agreed, streamFixtures.length - agreed);
  expect(wrong).toEqual([]);
}, 180_000);

/** A recorded answer as a stream of events, and as the SDK is to meet it. */
function replay(tape: Tape): { ours: string; sdk: Reply; streamed: boolean } {
  const streamed = tape.method === "streamGenerateContent";
  const { status } = tape;
  const ours = bodyOf(tape);
  const whole = tape.response_raw ?? JSON.stringify(tape.response_body);
  const headers = streamed ? sseHeaders : jsonHeaders;
  return { ours, sdk: { status, headers, chunks: [streamed && status === 200 ? ours : whole] }, streamed };
}

interface RecordedEvent {
  candidates?: {
    index?: number;
    finishReason?: unknown;
    content?: { parts?: { text?: string; thought?: boolean }[] };
  }[];
  promptFeedback?: { blockReason?: string };
  usageMetadata?: unknown;
}

/** What the recording holds, folded independently of both readers. */
function foldRecording(tape: Tape) {
  const folded = { text: "", thought: "", usage: null as unknown, whole: false };
  if (tape.status !== 200) return folded;
  for (const event of [tape.response_body].flat() as RecordedEvent[]) {
    const candidate = event.candidates?.find(({ index }) => (index ?? 0) === 0);
    for (const part of candidate?.content?.parts ?? []) {
      if (part.thought) folded.thought += part.text ?? "";
      else folded.text += part.text ?? "";
    }
    folded.usage = event.usageMetadata ?? folded.usage;
    folded.whole ||= Boolean(candidate?.finishReason ?? event.promptFeedback?.blockReason);
  }
  return folded;
}

/** Cuts a text's bytes at places that depend only on the seed. */
function cutAtRandom(text: string, seed: number): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const pieces: Uint8Array[] = [];
  let state = seed;
  for (let at = 0; at < bytes.length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const end = at + 1 + ((state >>> 8) % Math.max(40, Math.ceil(bytes.length / 8)));
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

test.skipIf(tapes.length === 0)(
  "real recordings: ours reads what each holds, whole and cut anywhere, and the SDK agrees",
  async () => {
    let agreed = 0;
    let onlyOurs = 0;
    const wrong: string[] = [];
    for (const [index, tape] of tapes.entries()) {
      const { ours: body, sdk: reply, streamed } = replay(tape);
      const headers = sseHeaders;
      const ours = await readWithOurs({ status: tape.status, headers, chunks: [body] });
      for (const seed of [index + 1, index + 1001]) {
        const again = await readWithOurs({ status: tape.status, headers, chunks: cutAtRandom(body, seed) });
        if (!isDeepStrictEqual(ours, again)) wrong.push(`${tape.id}: cut by seed ${seed} it reads differently`);
      }
      const read = { text: ours.text, thought: ours.thought, usage: ours.usage, whole: ours.code === null };
      if (!isDeepStrictEqual(read, foldRecording(tape)))
        wrong.push(`${tape.id}: not what it holds: ${JSON.stringify(read)}`);
      server.reply = () => reply;
      const sdk = await readWithSdk(server.url, streamed);
      const differences = compare(ours, sdk);
      if (differences.length === 0) agreed++;
      else if (sdk.error?.status === null)
        onlyOurs++; // it lost its way; ours, as checked above, did not
      else wrong.push(`${tape.id}: ${differences} ${JSON.stringify({ ours, sdk }).slice(0, 1500)}`);
    }
    report(`recordings (${tapes.length})`, agreed, onlyOurs);
    expect(wrong).toEqual([]);
  },
  30_000,
);
