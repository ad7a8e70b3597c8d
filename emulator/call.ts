// The record of one request, kept for assertions; the key never gets into it.

import type { IncomingMessage } from "node:http";

/** One request as it arrived. It is filled in while the call runs. */
export interface RecordedCall {
  method: string;
  /** Path and query, the key taken out. */
  path: string;
  /** generateContent, streamGenerateContent, countTokens, listModels or getModel. */
  verb: string;
  /** Without a fault suffix. */
  model: string;
  /** Lower-case names; the key is taken out. */
  headers: Record<string, string>;
  bodyText: string;
  /** The body as JSON; undefined when it is not JSON. */
  readonly body: unknown;
  /** Milliseconds since the epoch. */
  at: number;
  /** The client went before the end of the answer. */
  disconnected: boolean;
  /** The whole answer was sent. */
  finished: boolean;
  /** 0 until the answer begins. */
  status: number;
  /** The last usage sent to the client, or null. */
  usage: Record<string, unknown> | null;
}

const secretHeaders = new Set(["x-goog-api-key", "authorization", "cookie"]);

function withoutSecrets(headers: IncomingMessage["headers"]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || secretHeaders.has(name)) continue;
    kept[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return kept;
}

function withoutKey(url: string): string {
  if (!url.includes("key=")) return url;
  const [path = "", query = ""] = url.split("?", 2);
  const kept = query.split("&").filter((pair) => !pair.startsWith("key="));
  return kept.length === 0 ? path : `${path}?${kept.join("&")}`;
}

/** A RecordedCall that decodes and parses the body only when somebody looks. */
export class Call implements RecordedCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly at = Date.now();
  verb = "";
  model = "";
  disconnected = false;
  finished = false;
  status = 0;
  usage: Record<string, unknown> | null = null;
  /** The connection was cut by the script, so its end is not the client's doing. */
  cutByUs = false;
  bytes: Uint8Array = new Uint8Array(0);
  #text: string | undefined;
  #body: { value: unknown } | undefined;

  constructor(request: IncomingMessage) {
    this.method = request.method ?? "";
    this.path = withoutKey(request.url ?? "");
    this.headers = withoutSecrets(request.headers);
  }

  get bodyText(): string {
    this.#text ??= new TextDecoder().decode(this.bytes);
    return this.#text;
  }

  get body(): unknown {
    this.#body ??= { value: parseOrUndefined(this.bodyText) };
    return this.#body.value;
  }

  get isGenerate(): boolean {
    return this.verb === "generateContent" || this.verb === "streamGenerateContent";
  }

  /** With the getters' values: for the control endpoint. */
  toJSON(): Record<string, unknown> {
    const { method, path, verb, model, headers, bodyText, body, at, disconnected, finished, status, usage } = this;
    return { method, path, verb, model, headers, bodyText, body, at, disconnected, finished, status, usage };
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
