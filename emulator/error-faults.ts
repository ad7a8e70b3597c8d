// The faults that strike before any 200: each name to the vendor's error, or to the bytes of whoever stands in between.

import type { FaultName } from "./fault-list.ts";
import { inputTokenLimit } from "./models.ts";
import type { Scenario } from "./scenario.ts";
import { bodyScript, type Script } from "./script.ts";
import * as errors from "./vendor-error.ts";
import { errorHeadersOf, type Framing, htmlHeaders, printPretty } from "./wire.ts";

/** What an error sentence may name. */
export interface ErrorContext {
  model: string;
  version: string;
  framing: Framing;
}

/** An error as this kind of call gets it. The array form of a stream wraps it in a list. */
export function errorScript(error: errors.VendorError, framing: Framing): Script {
  const pretty = printPretty(errors.errorBody(error));
  const body = framing === "array" ? `[${pretty.trimEnd()}\n]` : pretty;
  return bodyScript(error.code, errorHeadersOf(framing), body);
}

const defaultRetryDelaySeconds = 48;

function errorFor(scenario: Scenario, { model, version }: ErrorContext): errors.VendorError | undefined {
  const delay = scenario.retryDelaySeconds ?? defaultRetryDelaySeconds;
  const table: Partial<Record<FaultName, () => errors.VendorError>> = {
    "bad-argument": errors.badArgument,
    penalty: () => errors.penaltyNotEnabled(model),
    "both-thinking": errors.bothThinking,
    "last-role-model": errors.endsWithModel,
    region: errors.wrongRegion,
    "too-long": () => errors.tooLong(inputTokenLimit + 1, inputTokenLimit),
    "bad-key": errors.badKey,
    "bad-aq-key": errors.badAqKey,
    unregistered: errors.unregistered,
    forbidden: errors.forbidden,
    "unknown-model": () => errors.unknownModel(model, version),
    "retired-model": () => errors.retiredModel(model),
    "quota-minute": () => errors.quotaExceeded("Minute", model, delay),
    "quota-day": () => errors.quotaExceeded("Day", model, delay),
    "quota-bare": errors.quotaBare,
    "internal-500": errors.internalError,
    "overloaded-503": errors.overloaded,
    "deadline-504": errors.deadlineExceeded,
  };
  return scenario.fault && table[scenario.fault]?.();
}

const badGateway =
  "<html><head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n" +
  "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

export const portalPage =
  "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\n" +
  "<body><h1>Welcome</h1><p>Please accept the terms to go on.</p></body></html>\n";

/** The script of a before-stream fault; undefined for all others. */
export function errorFaultScript(scenario: Scenario, context: ErrorContext): Script | undefined {
  const error = errorFor(scenario, context);
  if (error) return errorScript(error, context.framing);
  switch (scenario.fault) {
    case "html-502":
      return bodyScript(502, htmlHeaders, badGateway);
    case "broken-json": {
      const whole = printPretty(errors.errorBody(errors.internalError()));
      return bodyScript(500, errorHeadersOf(context.framing), whole.slice(0, whole.length / 2));
    }
    case "reset-early":
      return { status: 0, headers: {}, mute: true, steps: [], end: "reset" };
    case "close-early":
      return { status: 0, headers: {}, mute: true, steps: [], end: "close" };
    case "no-headers":
      return { status: 0, headers: {}, mute: true, steps: [], end: "hang" };
    default:
      return undefined;
  }
}
