// Cuts values out of JSON text without re-printing them, so that what a vendor sent can be sent back byte-equal.

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** The index just after the JSON value that starts at or after `at`, or -1 when the text ends before the value does. */
export function endOfValue(json: string, at: number): number {
  let index = skipSpace(json, at);
  if (json.charCodeAt(index) === quote) return endOfString(json, index);
  let depth = 0;
  for (; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (code === quote) {
      const end = endOfString(json, index);
      if (end === -1) return -1;
      index = end - 1;
    } else if (code === openBrace || code === openBracket) depth++;
    else if (code === closeBrace || code === closeBracket) {
      depth--;
      if (depth === 0) return index + 1;
      if (depth < 0) return index; // a bare number or word ended by its container
    } else if (depth === 0 && (code === comma || code === colon || isSpace(code))) return index;
  }
  return depth === 0 ? index : -1;
}

/** Where a value stands in a text: `json.slice(start, end)`. */
export interface Place {
  start: number;
  end: number;
}

/** Where the value at a path of keys and indexes stands in a valid JSON text; of a key given twice the last one counts. */
export function findValue(json: string, path: readonly (string | number)[]): Place | undefined {
  let found: Place | undefined = { start: 0, end: json.length };
  for (const step of path) {
    const container: Place | undefined = found;
    if (container === undefined) return undefined;
    found = undefined;
    forEachValue(json, container.start, (key, start, end) => {
      if (key === step) found = { start, end };
    });
  }
  return found;
}

/** The texts of the elements of the array that starts at or after `at`, as they stand in its text. */
export function sliceElements(json: string, at = 0): string[] {
  const elements: string[] = [];
  forEachValue(json, at, (_key, start, end) => elements.push(json.slice(start, end)));
  return elements;
}

/** Walks the direct children of the object or array that starts at or after `from` in a valid JSON text. */
function forEachValue(
  json: string,
  from: number,
  visit: (key: string | number, start: number, end: number) => void,
): void {
  const open = skipSpace(json, from);
  const isObject = json[open] === "{";
  if (!isObject && json[open] !== "[") return;
  let at = skipSpace(json, open + 1);
  for (let index = 0; at < json.length && json[at] !== "}" && json[at] !== "]"; index++) {
    let key: string | number = index;
    if (isObject) {
      const end = endOfString(json, at);
      const name = json.slice(at + 1, end - 1);
      key = name.includes("\\") ? (JSON.parse(`"${name}"`) as string) : name;
      at = skipSpace(json, skipSpace(json, end) + 1); // over the colon
    }
    const end = endOfValue(json, at);
    visit(key, at, end);
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
}

/** The index just after the closing quote of the string that starts at `start`, or -1. */
function endOfString(json: string, start: number): number {
  let at = json.indexOf('"', start + 1);
  while (at !== -1 && isEscaped(json, at)) at = json.indexOf('"', at + 1);
  return at === -1 ? -1 : at + 1;
}

function isEscaped(json: string, at: number): boolean {
  let first = at;
  while (json.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

function skipSpace(json: string, at: number): number {
  let index = at;
  while (index < json.length && isSpace(json.charCodeAt(index))) index++;
  return index;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
