// From method and path to the script of the answer: the vendor's endpoints, and the emulator's own.

import type { Call } from "./call.ts";
import { errorFaultScript, errorScript } from "./error-faults.ts";
import { isFaultName } from "./fault-list.ts";
import { countScript, generateScript, type Kitchen } from "./generate.ts";
import { describeModel, findModel, pageModels } from "./models.ts";
import { parseScenario, type Scenario } from "./scenario.ts";
import type { ScenarioQueue } from "./scenario-queue.ts";
import { bodyScript, type Script } from "./script.ts";
import { jsonScript } from "./unary-script.ts";
import { badAqKey, badKey, invalidArgument, unregistered, type VendorError } from "./vendor-error.ts";
import { type Framing, htmlHeaders } from "./wire.ts";

/** What a path of the vendor's API names. */
interface Target {
  version: string;
  model: string;
  verb: string;
  query: URLSearchParams;
  /** The fault that a model name ended with. */
  fault: Scenario | undefined;
}

const modelPath = /\/(v1|v1beta|v1alpha)\/models(?:\/([^/:?]+)(?::(\w+))?)?$/;
const verbs: readonly string[] = ["generateContent", "streamGenerateContent", "countTokens"];

function splitSuffix(name: string): { model: string; fault: Scenario | undefined } {
  const at = name.indexOf("--");
  const suffix = at < 0 ? "" : name.slice(at + 2);
  return isFaultName(suffix)
    ? { model: name.slice(0, at), fault: { fault: suffix } }
    : { model: name, fault: undefined };
}

function readTarget(method: string, url: string): Target | undefined {
  const mark = url.indexOf("?");
  const match = modelPath.exec(mark < 0 ? url : url.slice(0, mark));
  if (!match) return undefined;
  const [, version = "", name = "", given] = match;
  const verb = given ?? (name === "" ? "listModels" : "getModel");
  if (method !== (given === undefined ? "GET" : "POST") || (given !== undefined && !verbs.includes(given)))
    return undefined;
  return { version, verb, query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)), ...splitSuffix(name) };
}

function checkKey(key: string | null | undefined, accepted: readonly string[] | undefined): VendorError | undefined {
  if (!key) return unregistered();
  if (!accepted || accepted.includes(key)) return undefined;
  return key.startsWith("AQ.") ? badAqKey() : badKey();
}

/** The scenario that the request carries itself. Throws ScenarioError, or SyntaxError when the header is not JSON. */
function ownScenario(call: Call, target: Target): { name: string; scenario: Scenario } | undefined {
  const header = call.headers["x-emulator-scenario"];
  if (header !== undefined) return { name: header, scenario: parseScenario(JSON.parse(header)) };
  return target.fault && { name: "suffix", scenario: target.fault };
}

function modelsScript(call: Call, target: Target, atMs: number): Script {
  const encoding = call.headers["accept-encoding"];
  if (target.verb === "getModel") {
    const model = findModel(target.model, atMs);
    if (model) return jsonScript(describeModel(model), encoding);
    const message = `Model is not found: models/${target.model} for api version ${target.version}`;
    return errorScript({ code: 404, status: "NOT_FOUND", message }, "unary");
  }
  const size = Number(target.query.get("pageSize") ?? 0);
  if (!Number.isInteger(size) || size < 0)
    return errorScript(invalidArgument(`Invalid value at 'page_size' (TYPE_INT32)`), "unary");
  const page = pageModels(size, target.query.get("pageToken"));
  return page ? jsonScript(page, encoding) : errorScript(invalidArgument("The page token is invalid."), "unary");
}

/** Everything a route needs besides the request. */
export interface Service extends Kitchen {
  queue: ScenarioQueue;
  apiKeys: readonly string[] | undefined;
}

function framingOf(target: Target): Framing {
  if (target.verb !== "streamGenerateContent") return "unary";
  return target.query.get("alt") === "sse" ? "sse" : "array";
}

/** The script for a call to the vendor's API; undefined when the path is none of the vendor's. Fills in verb and model. */
export function routeVendor(call: Call, url: string, key: string | undefined, service: Service): Script | undefined {
  const target = readTarget(call.method, url);
  if (!target) return undefined;
  call.verb = target.verb;
  call.model = target.model;
  const framing = framingOf(target);
  const context = { model: target.model, version: target.version, framing };
  const own = ownScenario(call, target);
  const choice = call.isGenerate ? service.queue.next(own) : { scenario: own?.scenario ?? {} };
  if ("reply" in choice) {
    const { status = 200, headers = {}, chunks, end = "normal" } = choice.reply;
    const pause = end === "reset" ? [{ pauseMs: 20 }] : [];
    return { status, headers, steps: [...chunks.map((bytes) => ({ bytes })), ...pause], end };
  }
  const refused = checkKey(key ?? target.query.get("key"), service.apiKeys);
  if (refused) return errorScript(refused, framing);
  if (call.isGenerate) return generateScript(call, choice.scenario, context, service);
  const fault = errorFaultScript(choice.scenario, context);
  if (fault) return fault;
  return target.verb === "countTokens"
    ? countScript(call, context, service)
    : modelsScript(call, target, service.now());
}

const notFoundPage =
  "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> That’s an error.\n";

/** What the vendor's front end says to a path that leads nowhere. */
export function notFoundScript(): Script {
  return bodyScript(404, htmlHeaders, notFoundPage);
}
