// The emulator's own endpoints: choose scenarios, look at the calls and start afresh, without code.

import type { Call } from "./call.ts";
import { faultNames } from "./fault-list.ts";
import { ScenarioError } from "./scenario.ts";
import type { ScenarioQueue } from "./scenario-queue.ts";
import { bodyScript, type Script } from "./script.ts";

/** What the endpoints act on. */
interface Controlled {
  calls: readonly Call[];
  callCount: number;
  service: { queue: ScenarioQueue };
  reset(): void;
}

const welcome = `This is the Gemini emulator. No AI is answering here.

Point a client at this address instead of https://generativelanguage.googleapis.com, with any key.

POST /emulator/play    a JSON array of scenarios: the next generate calls take them, in order
POST /emulator/always  one scenario for every call, or null
GET  /emulator/calls   the calls so far
GET  /emulator/faults  what can go wrong on demand; also as a model name: gemini-2.5-flash--overloaded-503
POST /emulator/reset   forget everything
`;

function json(value: unknown): Script {
  return bodyScript(200, { "content-type": "application/json; charset=utf-8" }, `${JSON.stringify(value, null, 2)}\n`);
}

/** The script of a control endpoint; undefined for any other path. Throws ScenarioError. */
export function controlScript(call: Call, controlled: Controlled): Script | undefined {
  switch (`${call.method} ${call.path}`) {
    case "GET /":
      return bodyScript(200, { "content-type": "text/plain; charset=utf-8" }, welcome);
    case "GET /emulator/calls":
      return json({ callCount: controlled.callCount, calls: controlled.calls });
    case "GET /emulator/faults":
      return json(faultNames);
    case "POST /emulator/play": {
      if (!Array.isArray(call.body)) throw new ScenarioError("the body is a JSON array of scenarios");
      controlled.service.queue.play(call.body);
      return json({ queued: call.body.length });
    }
    case "POST /emulator/always": {
      if (call.body === undefined) throw new ScenarioError("the body is one scenario, or null");
      controlled.service.queue.always(call.body);
      return json({});
    }
    case "POST /emulator/reset":
      controlled.reset();
      return json({});
    default:
      return undefined;
  }
}
