// The one body of a unary answer, whole or broken as nearly to the stream's fault as one body can be.

import { gzipSync } from "node:zlib";
import { errorScript } from "./error-faults.ts";
import type { ResponseEvent } from "./events.ts";
import type { Scenario } from "./scenario.ts";
import { bodyScript, type Script } from "./script.ts";
import { overloaded } from "./vendor-error.ts";
import { jsonHeaders, printPretty } from "./wire.ts";

/** A 200 with pretty-printed JSON, compressed when the client takes gzip. */
export function jsonScript(value: unknown, acceptEncoding: string | undefined): Script {
  const body = printPretty(value);
  if (!acceptEncoding?.includes("gzip")) return bodyScript(200, jsonHeaders, body);
  return bodyScript(200, { ...jsonHeaders, "content-encoding": "gzip" }, gzipSync(body, { level: 1 }));
}

const breaks: Partial<Record<string, Script["end"] | "cut">> = {
  "reset-midstream": "reset",
  "close-midstream": "close",
  "truncated-event": "cut",
  "bad-event": "cut",
  stall: "hang",
  "slow-drip": "hang",
};

const midstreamErrors = /^(raw-error-|data-error|array-error)/;

/** The script of a unary 200. An error in mid-stream has no counterpart here: it becomes a 503. */
export function unaryScript(event: ResponseEvent, scenario: Scenario, acceptEncoding: string | undefined): Script {
  if (midstreamErrors.test(scenario.fault ?? "")) return errorScript(overloaded(), "unary");
  const broken = breaks[scenario.fault ?? ""];
  const usage = event.usageMetadata ?? null;
  if (broken === undefined) {
    const script = jsonScript(event, acceptEncoding);
    return { ...script, steps: [...script.steps].map((step) => ({ ...step, usage })) };
  }
  const body = printPretty(event);
  const steps = [{ bytes: body.slice(0, body.length >> 1) }, { pauseMs: 20 }];
  return { status: 200, headers: jsonHeaders, steps, end: broken === "cut" ? "normal" : broken };
}
