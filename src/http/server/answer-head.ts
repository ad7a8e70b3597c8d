// The head of an answer as it goes out.

import type { HttpAnswer } from "../answer.ts";

/** The words after the status (RFC 9110, 15), for people who look at the line; programs read the number. */
const reasons: Record<number, string> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export interface Framing {
  /** Of a body in one piece. */
  length?: number | undefined;
  chunked?: boolean;
  /** The connection carries no other request. */
  closes?: boolean;
  /** To HTTP/1.0, where staying open has to be said. */
  keeps10?: boolean;
}

export function printHead(answer: HttpAnswer, { length, chunked, closes, keeps10 }: Framing): string {
  const { status, headers, lines = "" } = answer;
  let head = `HTTP/1.1 ${status} ${reasons[status] ?? ""}\r\ndate: ${printDate()}\r\n${lines}`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  if (length !== undefined) head += `content-length: ${length}\r\n`;
  if (chunked) head += "transfer-encoding: chunked\r\n";
  if (closes) head += "connection: close\r\n";
  else if (keeps10) head += "connection: keep-alive\r\n";
  return `${head}\r\n`;
}

let date = "";
let dateUntil = 0;

/** Printed once a second. */
function printDate(): string {
  const now = Date.now();
  if (now >= dateUntil) {
    date = new Date(now).toUTCString();
    dateUntil = now - (now % 1_000) + 1_000;
  }
  return date;
}
