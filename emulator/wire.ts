// How the vendor writes JSON, events and headers, byte for byte where the recordings show it.

/** Which of the three forms an answer takes. */
export type Framing = "unary" | "sse" | "array";

/** One line of JSON as the vendor's streams have it: a space after each colon, none after commas. */
export function printLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printLine).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    let members = "";
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      members += `${members === "" ? "" : ","}${JSON.stringify(name)}: ${printLine(member)}`;
    }
    return `{${members}}`;
  }
  return JSON.stringify(value);
}

/** JSON as unary answers and errors have it. */
export function printPretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function printEvent(value: unknown): string {
  return `data: ${printLine(value)}\r\n\r\n`;
}

const commonHeaders = {
  vary: "Origin, X-Origin, Referer",
  server: "scaffolding on HTTPServer2",
  "x-xss-protection": "0",
  "x-frame-options": "SAMEORIGIN",
  "x-content-type-options": "nosniff",
  "server-timing": "gfet4t7; dur=68",
  "alt-svc": 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000',
};

export const jsonHeaders: Record<string, string> = {
  "content-type": "application/json; charset=UTF-8",
  ...commonHeaders,
};
export const htmlHeaders: Record<string, string> = { "content-type": "text/html; charset=UTF-8", ...commonHeaders };
export const eventHeaders: Record<string, string> = {
  "content-type": "text/event-stream",
  "content-disposition": "attachment",
  ...commonHeaders,
};

/** Headers of a 200 in this form. */
export function headersOf(framing: Framing): Record<string, string> {
  return framing === "sse" ? eventHeaders : jsonHeaders;
}

/** Headers of an error: on an SSE call it keeps the type of an event stream (4 of 4 recordings), with a plain JSON body. */
export function errorHeadersOf(framing: Framing): Record<string, string> {
  return framing === "sse" ? { "content-type": "text/event-stream", ...commonHeaders } : jsonHeaders;
}
