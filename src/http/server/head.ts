// The head of a request: its first line and its headers, read strictly (RFC 9112, read 2026-11-27). What could be understood in two ways is refused.

import { AppError } from "../../errors.ts";

export const maxHeadBytes = 32 * 1024;

export interface RequestHead {
  method: string;
  /** Path and query, as sent. */
  target: string;
  headers: HeaderFields;
  isHttp10: boolean;
  /** Whether the caller wants to go on using the connection. */
  keepsAlive: boolean;
  /** Bytes of the body; undefined when it comes in chunks. */
  bodyLength: number | undefined;
}

/** The headers as they came, looked through when one is asked for: most never are. */
export class HeaderFields {
  /** Each with a line end before and after it. */
  readonly #text: string;
  readonly #small: string;

  constructor(text: string) {
    this.#text = text;
    this.#small = text.toLowerCase();
  }

  /** What came more than once is joined by a comma. Throws bad_request where two would leave open which one counts. */
  get(name: string): string | null {
    const start = `\r\n${name.toLowerCase()}:`;
    let found: string | null = null;
    for (let at = this.#small.indexOf(start); at !== -1; at = this.#small.indexOf(start, at + 2)) {
      const value = this.#text.slice(at + start.length, this.#text.indexOf("\r\n", at + 2)).trim();
      if (found !== null && onlyOnce.has(name)) throw malformed(`the header ${name} came twice`);
      found = found === null ? value : `${found}, ${value}`;
    }
    return found;
  }
  has(name: string): boolean {
    return this.#small.includes(`\r\n${name.toLowerCase()}:`);
  }
}

/** Two of these would leave it to the reader which one counts. */
const onlyOnce = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "content-type",
  "authorization",
  "origin",
  "idempotency-key",
]);
/** Every control character but a tab, and CR or LF alone: never part of a head. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const odd = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;
const fieldLines = /^(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r]*)*$/;
const line = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([!-~\x80-\xff]+) HTTP\/1\.([01])$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads a head without its empty line. Throws bad_request. */
export function parseHead(bytes: Buffer): RequestHead {
  const text = bytes.toString("latin1");
  if (odd.test(text)) throw malformed("a control character");
  const lineEnd = text.indexOf("\r\n");
  const [, method, target, minor] = line.exec(lineEnd === -1 ? text : text.slice(0, lineEnd)) ?? [];
  if (method === undefined || target === undefined) throw malformed("the first line is not `METHOD /path HTTP/1.1`");
  const fields = lineEnd === -1 ? "" : text.slice(lineEnd);
  if (!fieldLines.test(fields)) throw malformed("a line that is no header");
  const headers = new HeaderFields(`${fields}\r\n`);
  headers.get("host"); // two would be two different requests, whoever looks
  const isHttp10 = minor === "0";
  return {
    method,
    target: readTarget(target, headers, method),
    headers,
    isHttp10,
    keepsAlive: keepsAlive(headers.get("connection"), isHttp10),
    bodyLength: readLength(headers, isHttp10),
  };
}

/** Text beyond ASCII is UTF-8, as a person types it into curl. A whole address (`GET http://host/path`) names the host, too. */
function readTarget(latin1: string, headers: HeaderFields, method: string): string {
  const target = readUtf8(latin1);
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return target;
  const [, host, path = ""] = /^https?:\/\/([^/?#]+)([/?].*)?$/i.exec(target) ?? [];
  if (host === undefined) throw malformed("the address does not begin with /");
  if (headers.get("host")?.toLowerCase() !== host.toLowerCase()) throw malformed("two different hosts");
  return path.startsWith("/") ? path : `/${path}`;
}

function readUtf8(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return utf8.decode(Buffer.from(latin1, "latin1"));
  } catch {
    throw malformed("the address is not UTF-8");
  }
}

function keepsAlive(connection: string | null, isHttp10: boolean): boolean {
  if (connection === null) return !isHttp10;
  const words = connection.toLowerCase().split(/[\s,]+/);
  return words.includes("close") ? false : !isHttp10 || words.includes("keep-alive");
}

/** A length and chunks at once, or chunks from HTTP/1.0, are how requests are smuggled past proxies. */
function readLength(headers: HeaderFields, isHttp10: boolean): number | undefined {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== null) {
    if (length !== null || isHttp10) throw malformed("two statements of the body's length");
    if (coding.toLowerCase() !== "chunked") throw malformed("a Transfer-Encoding other than chunked");
    return undefined;
  }
  if (length === null) return 0;
  if (!/^\d{1,15}$/.test(length)) throw malformed("Content-Length is no length");
  return Number(length);
}

export function malformed(what: string): AppError {
  return new AppError("bad_request", `This is not HTTP/1.1: ${what}.`);
}
