// One generate or count call: from the request's bytes and a scenario to the script of its answer.

import { composeAnswer, type PromptCount } from "./answer.ts";
import type { Call } from "./call.ts";
import { endlessScript } from "./endless.ts";
import { type ErrorContext, errorFaultScript, errorScript, portalPage } from "./error-faults.ts";
import { streamEvents, unaryEvent } from "./events.ts";
import { findModel, type Model } from "./models.ts";
import { shapeAnswer, shapeEvents } from "./odd-answers.ts";
import type { Block, PrefixCache } from "./prefix-cache.ts";
import { type GenerateRequest, PayloadError, readCountRequest, readGenerateRequest } from "./request.ts";
import { checkRequest } from "./rules.ts";
import type { Scenario } from "./scenario.ts";
import { bodyScript, type Script } from "./script.ts";
import { streamScript } from "./stream-script.ts";
import { countContent, countHead } from "./tokens.ts";
import { jsonScript, unaryScript } from "./unary-script.ts";
import { deadlineExceeded, invalidArgument, unknownModel } from "./vendor-error.ts";
import { headersOf, htmlHeaders } from "./wire.ts";

/** What lasts longer than one call. */
export interface Kitchen {
  cache: PrefixCache;
  chunkDelayMs: number;
  /** Milliseconds since 1970: which models are served, and by what rules, changes with the day. */
  now: () => number;
}

const shortestDeadlineSeconds = 10;
const slowFirstByteMs = 3000;

/** The prompt as the cache sees it: the head, then each message, in the order in which they are sent. */
function blocksOf(request: GenerateRequest, model: Model): Block[] {
  const { systemInstruction, tools } = request;
  const head = { text: JSON.stringify([model.id, systemInstruction, tools]), tokens: countHead(request) };
  const messages = request.contents.map((content) => ({
    text: JSON.stringify(content),
    tokens: countContent(content),
  }));
  return [head, ...messages];
}

function answerScript(
  request: GenerateRequest,
  model: Model,
  count: PromptCount,
  scenario: Scenario,
  context: ErrorContext,
  call: Call,
  kitchen: Kitchen,
): Script {
  if (scenario.fault === "empty-200") return bodyScript(200, headersOf(context.framing), "");
  if (scenario.fault === "html-200") return bodyScript(200, htmlHeaders, portalPage);
  const answer = shapeAnswer(composeAnswer(request, model, scenario, count), scenario);
  if (context.framing !== "unary") {
    const events = shapeEvents(streamEvents(answer), answer, scenario);
    return streamScript(events, scenario, context.framing, kitchen.chunkDelayMs);
  }
  const [event] = shapeEvents([unaryEvent(answer)], answer, scenario);
  return unaryScript(event!, scenario, scenario.unchecked ? undefined : call.headers["accept-encoding"]);
}

const canned = new WeakMap<Scenario, Map<string, Script>>();
const uncheckedPromptTokens = 16;

/** The bytes of an unchecked scenario, made once for each model and form. */
function cannedScript(model: Model, scenario: Scenario, context: ErrorContext, call: Call, kitchen: Kitchen): Script {
  const byCall = canned.get(scenario) ?? new Map<string, Script>();
  canned.set(scenario, byCall);
  const name = `${context.framing} ${model.id} ${model.servedAs ?? ""} ${kitchen.chunkDelayMs}`;
  const ready = byCall.get(name);
  if (ready) return ready;
  const count = { promptTokens: uncheckedPromptTokens, cachedTokens: 0 };
  const script = answerScript({ contents: [] }, model, count, scenario, context, call, kitchen);
  const steps = [...script.steps].map((step) =>
    "bytes" in step && typeof step.bytes === "string" ? { ...step, bytes: Buffer.from(step.bytes) } : step,
  );
  const made = { ...script, steps };
  byCall.set(name, made);
  return made;
}

function checkedScript(model: Model, scenario: Scenario, context: ErrorContext, call: Call, kitchen: Kitchen): Script {
  const request = readGenerateRequest(call.bodyText);
  const blocks = blocksOf(request, model);
  const promptTokens = blocks.reduce((sum, block) => sum + block.tokens, 0);
  const refused = checkRequest(request, model, promptTokens);
  if (refused) return errorScript(refused, context.framing);
  const cachedTokens = kitchen.cache.measure(blocks, model.cacheMinimum);
  return answerScript(request, model, { promptTokens, cachedTokens }, scenario, context, call, kitchen);
}

function refuseOnPayloadError(make: () => Script, context: ErrorContext): Script {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return errorScript(invalidArgument(error.message, error.violations), context.framing);
  }
}

/** X-Server-Timeout: refused below 10 s; and when the answer would begin later, a 504 at that moment. */
function keepDeadline(script: Script, call: Call, context: ErrorContext): Script {
  const seconds = Number(call.headers["x-server-timeout"] ?? Number.NaN);
  if (Number.isNaN(seconds)) return script;
  if (seconds < shortestDeadlineSeconds) {
    const message = `Manually set deadline ${seconds}s is too short. Minimum allowed deadline is ${shortestDeadlineSeconds}s.`;
    return errorScript(invalidArgument(message), context.framing);
  }
  if ((script.waitMs ?? 0) <= seconds * 1000) return script;
  return { ...errorScript(deadlineExceeded(), context.framing), waitMs: seconds * 1000 };
}

/** The answer to a generate call whose key is good. */
export function generateScript(call: Call, scenario: Scenario, context: ErrorContext, kitchen: Kitchen): Script {
  const waitMs = scenario.firstByteMs ?? (scenario.fault === "slow-first-byte" ? slowFirstByteMs : undefined);
  const fault = errorFaultScript(scenario, context) ?? endlessScript(scenario.fault, context.framing);
  if (fault) return waitMs === undefined ? fault : { ...fault, waitMs };
  const model = findModel(context.model, kitchen.now());
  if (!model) return errorScript(unknownModel(context.model, context.version), context.framing);
  const make = scenario.unchecked && !scenario.fault ? cannedScript : checkedScript;
  const script = refuseOnPayloadError(() => make(model, scenario, context, call, kitchen), context);
  return keepDeadline(waitMs === undefined ? script : { ...script, waitMs }, call, context);
}

/** The answer to countTokens, by the same rule as the usage of a generate call. */
export function countScript(call: Call, context: ErrorContext, kitchen: Kitchen): Script {
  if (!findModel(context.model, kitchen.now()))
    return errorScript(unknownModel(context.model, context.version), context.framing);
  return refuseOnPayloadError(() => {
    const request = readCountRequest(call.bodyText);
    if (request.contents.length === 0) {
      return errorScript(
        invalidArgument("* CountTokensRequest.contents: contents is not specified\n"),
        context.framing,
      );
    }
    const totalTokens = request.contents.reduce((sum, content) => sum + countContent(content), countHead(request));
    const promptTokensDetails = totalTokens > 0 ? [{ modality: "TEXT", tokenCount: totalTokens }] : undefined;
    return jsonScript({ totalTokens, promptTokensDetails }, call.headers["accept-encoding"]);
  }, context);
}
