// A client that sees the bytes: requests to the emulator by fetch, and by a bare socket where the network writes matter.

import { connect, type Socket } from "node:net";
import type { ResponseEvent } from "../emulator/events.ts";

export interface AskOptions {
  verb?: string;
  model?: string;
  version?: string;
  headers?: Record<string, string>;
  /** Members of the body besides contents. */
  body?: Record<string, unknown>;
}

export const user = (text: string) => ({ role: "user", parts: [{ text }] });
export const model = (text: string) => ({ role: "model", parts: [{ text }] });

const streamVerb = "streamGenerateContent?alt=sse";

function urlOf(
  base: string,
  { verb = streamVerb, model: name = "gemini-2.5-flash", version = "v1beta" }: AskOptions,
): string {
  return `${base}/${version}/models/${name}:${verb}`;
}

function bodyOf(prompt: string, options: AskOptions): string {
  return JSON.stringify({ contents: [user(prompt)], ...options.body });
}

/** One call by fetch, with a key. The default is the SSE stream. */
export function ask(base: string, prompt: string, options: AskOptions = {}): Promise<Response> {
  return fetch(urlOf(base, options), {
    method: "POST",
    headers: { "content-type": "application/json", "x-goog-api-key": "test-key", ...options.headers },
    body: bodyOf(prompt, options),
  });
}

/** The events of an SSE body; fails on anything between them. */
export function parseEvents(body: string): ResponseEvent[] {
  return body
    .split("\r\n\r\n")
    .filter((block) => block !== "")
    .map((block) => JSON.parse(block.replace(/^data: /, "")) as ResponseEvent);
}

export async function askEvents(base: string, prompt: string, options: AskOptions = {}): Promise<ResponseEvent[]> {
  return parseEvents(await (await ask(base, prompt, options)).text());
}

/** The visible text of events. */
export function textOf(events: ResponseEvent[]): string {
  const parts = events
    .flatMap((event) => event.candidates ?? [])
    .flatMap((candidate) => candidate.content?.parts ?? []);
  return parts.map((part) => (part.thought === true ? "" : String(part.text ?? ""))).join("");
}

/** One connection, seen from the client's side of the socket. */
export interface Wire {
  socket: Socket;
  /** What each read brought. */
  reads: Buffer[];
  /** Everything so far. */
  text(): string;
  /** Resolves when some words have come so many times; rejects when the connection ends before that. */
  until(words: string, times: number): Promise<void>;
  /** How the connection ended. */
  ended: Promise<"end" | "reset">;
}

/** Sends one request over a socket of its own and asks the server to close it afterwards. */
export function openWire(base: string, prompt: string, options: AskOptions = {}): Wire {
  const { hostname, port, pathname, search } = new URL(urlOf(base, options));
  const body = bodyOf(prompt, options);
  const headers = { host: hostname, connection: "close", "x-goog-api-key": "test-key", ...options.headers };
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const socket = connect(Number(port), hostname, () =>
    socket.write(`POST ${pathname}${search} HTTP/1.1\r\n${head}\r\n${body}`),
  );
  const reads: Buffer[] = [];
  const text = () => Buffer.concat(reads).toString();
  const { promise: ended, resolve } = Promise.withResolvers<"end" | "reset">();
  let failed = false;
  socket.on("data", (read: Buffer) => reads.push(read));
  socket.on("error", () => {
    failed = true;
  });
  socket.on("close", () => resolve(failed ? "reset" : "end"));
  const until = (words: string, times: number) =>
    new Promise<void>((found, missing) => {
      const look = () => text().split(words).length > times && found();
      socket.on("data", look);
      socket.once("close", () => missing(new Error(`ended before ${times} times ${words}: ${text()}`)));
      look();
    });
  return { socket, reads, text, until, ended };
}

export interface Seen {
  status: number;
  headers: string;
  /** Without the framing of a chunked body. */
  body: string;
  /** The network reads that came after the headers' own, each without its framing. */
  reads: Buffer[];
  ended: "end" | "reset";
  /** The body's own end arrived: the last chunk, or as many bytes as announced. */
  complete: boolean;
}

/** Takes a chunked body apart. */
function unchunk(raw: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < raw.length) {
    const line = raw.indexOf("\r\n", at);
    if (line < 0) break;
    const size = Number.parseInt(raw.toString("latin1", at, line), 16);
    if (size === 0) return { body: Buffer.concat(parts), complete: true };
    parts.push(raw.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return { body: Buffer.concat(parts), complete: false };
}

/** A whole call over a bare socket, to the end of the connection. */
export async function watchCall(base: string, prompt: string, options: AskOptions = {}): Promise<Seen> {
  const wire = openWire(base, prompt, options);
  const ended = await wire.ended;
  const all = Buffer.concat(wire.reads);
  const split = all.indexOf("\r\n\r\n");
  const headers = split < 0 ? "" : all.toString("latin1", 0, split).toLowerCase();
  const raw = split < 0 ? all : all.subarray(split + 4);
  const status = Number(/^http\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0);
  const length = /content-length: (\d+)/.exec(headers)?.[1];
  const { body, complete } =
    length === undefined ? unchunk(raw) : { body: raw, complete: raw.length === Number(length) };
  return { status, headers, body: body.toString(), reads: wire.reads, ended, complete };
}
