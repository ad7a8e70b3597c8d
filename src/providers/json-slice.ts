// Cuts values out of JSON text without re-printing them, so that what a vendor sent can be sent back byte-equal.

const quote = 0x22;
const backslash = 0x5c;

/** The index just after the JSON value that starts at or after `at`, or -1 when the text ends before the value does. */
export function endOfValue(json: string, at: number): number {
  let index = skipSpace(json, at);
  if (json.charCodeAt(index) === quote) return endOfString(json, index);
  let depth = 0;
  for (; index < json.length; index++) {
    const char = json[index];
    if (char === '"') {
      const end = endOfString(json, index);
      if (end === -1) return -1;
      index = end - 1;
    } else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") {
      depth--;
      if (depth === 0) return index + 1;
      if (depth < 0) return index; // a bare number or word ended by its container
    } else if (depth === 0 && (char === "," || char === ":" || isSpace(json.charCodeAt(index)))) return index;
  }
  return depth === 0 ? index : -1;
}

/** The text of `object[key]` as it stands in the text of a JSON object; of a key given twice the last one counts. */
export function sliceMember(objectJson: string, key: string): string | undefined {
  let found: string | undefined;
  forEachValue(objectJson, (name, value) => {
    if (name !== undefined && JSON.parse(name) === key) found = value;
  });
  return found;
}

/** The texts of an array's elements as they stand in its text. */
export function sliceElements(arrayJson: string): string[] {
  const elements: string[] = [];
  forEachValue(arrayJson, (_name, value) => elements.push(value));
  return elements;
}

/** Walks the direct children of a valid JSON object or array. */
function forEachValue(json: string, visit: (name: string | undefined, value: string) => void): void {
  const start = skipSpace(json, 0);
  const isObject = json[start] === "{";
  if (!isObject && json[start] !== "[") return;
  let at = skipSpace(json, start + 1);
  while (at < json.length && json[at] !== "}" && json[at] !== "]") {
    let name: string | undefined;
    if (isObject) {
      const end = endOfString(json, at);
      name = json.slice(at, end);
      at = skipSpace(json, skipSpace(json, end) + 1); // over the colon
    }
    const end = endOfValue(json, at);
    visit(name, json.slice(at, end));
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
}

function endOfString(json: string, start: number): number {
  for (let index = start + 1; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (code === backslash) index++;
    else if (code === quote) return index + 1;
  }
  return -1;
}

function skipSpace(json: string, at: number): number {
  let index = at;
  while (index < json.length && isSpace(json.charCodeAt(index))) index++;
  return index;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
