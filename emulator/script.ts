// A script is everything that goes over one connection for one call: status, headers, writes, pauses, and how it ends.

import type { ServerResponse } from "node:http";
import type { Call } from "./call.ts";

export type Step = { bytes: string | Uint8Array; usage?: Record<string, unknown> | null } | { pauseMs: number };

export interface Script {
  status: number;
  headers: Record<string, string>;
  /** Milliseconds before the headers. */
  waitMs?: number;
  /** Nothing is sent at all, not even a status; only `end` counts. */
  mute?: boolean;
  /** The steps are the connection's bytes as they are, the status line among them. */
  raw?: boolean;
  steps: Iterable<Step>;
  /** close: the connection ends without the end of the body. hang: it stays open until the client goes. */
  end: "normal" | "reset" | "close" | "hang";
}

/** A script of one body. */
export function bodyScript(status: number, headers: Record<string, string>, body: string | Uint8Array): Script {
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  return {
    status,
    headers: { ...headers, "content-length": String(length) },
    steps: length === 0 ? [] : [{ bytes: body }],
    end: "normal",
  };
}

/** The far end of one answer: knows whether the client is still there, and wakes a pause when it goes. */
class Line {
  open = true;
  #wake: (() => void) | undefined;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.open = !response.destroyed;
    response.once("close", () => {
      this.open = false;
      this.#wake?.();
    });
  }

  /** Waits, but no longer than the client stays. */
  pause(ms: number): Promise<void> {
    if (!this.open) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** Waits until a reader that fell behind has caught up. */
  drain(): Promise<void> {
    if (!this.open || !this.#response.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const caughtUp = () => this.#wake?.();
      this.#response.once("drain", caughtUp);
      this.#wake = () => {
        this.#response.off("drain", caughtUp);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Plays a script to its end, or until the client goes. Rejects when the script itself cannot be sent. */
export async function playScript(response: ServerResponse, script: Script, call: Call): Promise<void> {
  const line = new Line(response);
  if (script.waitMs) await line.pause(script.waitMs);
  if (!line.open) return;
  if (!script.mute) {
    call.status = script.status;
    response.writeHead(script.status, script.headers);
    if (script.end !== "normal") response.flushHeaders();
  }
  for (const step of script.steps) {
    if ("pauseMs" in step) await line.pause(step.pauseMs);
    else {
      if (step.usage !== undefined) call.usage = step.usage;
      if (script.raw) response.socket?.write(step.bytes);
      else if (!response.write(step.bytes) && response.writableNeedDrain) await line.drain();
    }
    if (!line.open) return;
  }
  endScript(response, script, call);
}

function endScript(response: ServerResponse, script: Script, call: Call): void {
  if (script.end === "hang") return;
  if (script.end === "normal") {
    call.finished = true;
    response.end();
    return;
  }
  call.cutByUs = true;
  if (script.end === "reset") response.socket?.resetAndDestroy();
  else response.destroy();
}
