// A JSON answer for responseMimeType application/json: the smallest value that a given schema allows.

/** A schema comes from outside unchecked: each of its members may be anything. */
type Schema = Record<string, unknown>;

const deepest = 8;
const longestList = 100;

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}

function typeOf({ type, properties }: Schema): string {
  const name = Array.isArray(type) ? type[0] : type;
  if (typeof name === "string") return name.toLowerCase();
  return isSchema(properties) ? "object" : "string";
}

function listFor(schema: Schema, word: string, depth: number): unknown[] {
  const wanted = typeof schema.minItems === "number" ? schema.minItems : 1;
  const length = Math.min(Math.max(1, wanted), longestList);
  return Array.from({ length }, () => valueFor(schema.items, word, depth + 1));
}

function valueFor(schema: unknown, word: string, depth: number): unknown {
  if (!isSchema(schema) || depth > deepest) return word;
  const given = firstOf(schema.enum);
  if (given !== undefined) return given;
  const choice = firstOf(schema.anyOf);
  if (choice !== undefined) return valueFor(choice, word, depth + 1);
  switch (typeOf(schema)) {
    case "object": {
      const members = Object.entries(isSchema(schema.properties) ? schema.properties : {});
      return Object.fromEntries(members.map(([name, member]) => [name, valueFor(member, word, depth + 1)]));
    }
    case "array":
      return listFor(schema, word, depth);
    case "integer":
    case "number":
      return typeof schema.minimum === "number" ? schema.minimum : 1;
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return word;
  }
}

/** JSON text. Without a schema: an object that says what it is. */
export function composeJson(schema: unknown, lastText: string): string {
  const echo = Array.from(lastText).slice(0, 80).join("");
  if (!isSchema(schema))
    return JSON.stringify({ emulator: true, note: "No AI is answering.", you_said: echo }, null, 2);
  return JSON.stringify(valueFor(schema, echo === "" ? "emulator" : echo, 0), null, 2);
}
