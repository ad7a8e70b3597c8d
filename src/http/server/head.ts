// The head of a request: its first line and its headers, read strictly (RFC 9112, read 2026-11-27). What could be understood in two ways is refused.

import { isUtf8 } from "node:buffer";
import { AppError } from "../../errors.ts";
import type { Asked } from "../asked.ts";

export const maxHeadBytes = 32 * 1024;

export interface RequestHead {
  method: string;
  /** As sent. */
  path: string;
  /** As sent, with its mark; empty without one. */
  query: string;
  /** One length is not among them. Never changed: requests share them. */
  headers: Asked["headers"];
  isHttp10: boolean;
  /** Whether the caller wants to go on using the connection. */
  keepsAlive: boolean;
  /** Bytes of the body; undefined when it comes in chunks. */
  bodyLength: number | undefined;
}

/** Two of these would leave it to the reader which one counts. */
const onlyOnce = /^(?:host|content-length|transfer-encoding|content-type|authorization|origin|idempotency-key)$/;
/** Every control character but a tab, and CR or LF alone: never part of a head. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const odd = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const line =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([!"$->@-~\x80-\xff]+)([?#][!-~\x80-\xff]*)? HTTP\/1\.([01])(?=\r\n|$)/;
const lengthLine = /\r\nContent-Length:[ \t]*(\d{1,15})[ \t]*(?=\r\n|$)/i;
const close = /(?:^|[\s,])close(?:[\s,]|$)/i;
const keepAlive = /(?:^|[\s,])keep-alive(?:[\s,]|$)/i;

/** What was read of late, by its text: a client's headers are the same each time, but for the length. */
const known = new Map<string, Asked["headers"]>();
const mostKnown = 32;
const longestKnown = 1_024;

/** Reads a head, in latin1 and without its empty line. Throws bad_request. */
export function parseHead(text: string): RequestHead {
  const [first = "", method, path, query = "", minor] = line.exec(text) ?? [];
  if (method === undefined || path === undefined)
    throw malformed(odd.test(text) ? "a control character" : "the first line is not `METHOD /path HTTP/1.1`");
  const found = lengthLine.exec(text);
  const before = text.slice(first.length, found?.index);
  const headers = readFields(found ? before + text.slice(found.index + found[0].length) : before);
  const isHttp10 = minor === "0";
  const connection = headers.get("connection") ?? "";
  return {
    method,
    path: readPath(readUtf8(path), headers, query === "" && method === "OPTIONS"),
    query: readUtf8(query),
    headers,
    isHttp10,
    keepsAlive: !close.test(connection) && (!isHttp10 || keepAlive.test(connection)),
    bodyLength: readLength(headers, found?.[1], isHttp10),
  };
}

/** What came more than once is joined by a comma. */
function readFields(text: string): Asked["headers"] {
  const before = known.get(text);
  if (before) return before;
  if (odd.test(text)) throw malformed("a control character");
  const headers = new Map<string, string>();
  for (let at = text.indexOf("\r\n"); at !== -1; ) {
    const end = text.indexOf("\r\n", at + 2);
    const colon = text.indexOf(":", at);
    const sent = text.slice(at + 2, Math.max(0, colon));
    if (!fieldName.test(sent)) throw malformed("a line that is no header");
    const name = sent.toLowerCase();
    const others = headers.get(name);
    if (others !== undefined && onlyOnce.test(name)) throw malformed(`the header ${name} came twice`);
    const value = text.slice(colon + 1, end === -1 ? undefined : end).trim();
    headers.set(name, others === undefined ? value : `${others}, ${value}`);
    at = end;
  }
  if (known.size === mostKnown) known.clear();
  if (text.length <= longestKnown) known.set(text, headers);
  return headers;
}

/** A whole address (`GET http://host/path`) names the host, too. */
function readPath(sent: string, headers: Asked["headers"], mayBeAll: boolean): string {
  if (sent.startsWith("/") || (sent === "*" && mayBeAll)) return sent;
  const [, host, path = "/"] = /^https?:\/\/([^/]+)(\/.*)?$/i.exec(sent) ?? [];
  if (host === undefined) throw malformed("the address does not begin with /");
  if (headers.get("host")?.toLowerCase() !== host.toLowerCase()) throw malformed("two different hosts");
  return path;
}

/** Text beyond ASCII is UTF-8, as a person types it into curl. */
function readUtf8(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, "latin1");
  if (!isUtf8(bytes)) throw malformed("the address is not UTF-8");
  return bytes.toString();
}

/** A length and chunks at once, or chunks from HTTP/1.0, are how requests are smuggled past proxies. */
function readLength(headers: Asked["headers"], length: string | undefined, isHttp10: boolean): number | undefined {
  const coding = headers.get("transfer-encoding");
  if (headers.has("content-length"))
    throw malformed(length === undefined ? "Content-Length is no length" : "the header content-length came twice");
  if (coding === undefined) return Number(length ?? 0);
  if (length !== undefined || isHttp10) throw malformed("two statements of the body's length");
  if (coding.toLowerCase() !== "chunked") throw malformed("a Transfer-Encoding other than chunked");
  return undefined;
}

export function malformed(what: string): AppError {
  return new AppError("bad_request", `This is not HTTP/1.1: ${what}.`);
}
