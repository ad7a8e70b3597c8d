// A JSON answer for responseMimeType application/json: the smallest value that a given schema allows.

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, unknown>;
  items?: unknown;
  minItems?: number;
  minimum?: number;
  anyOf?: unknown[];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueFor(schema: unknown, word: string, depth: number): unknown {
  if (!isSchema(schema) || depth > 8) return word;
  if (schema.enum && schema.enum.length > 0) return schema.enum[0];
  if (schema.anyOf && schema.anyOf.length > 0) return valueFor(schema.anyOf[0], word, depth + 1);
  const type = (Array.isArray(schema.type) ? schema.type[0] : schema.type)?.toLowerCase();
  if (type === "object" || schema.properties) {
    const members = Object.entries(schema.properties ?? {});
    return Object.fromEntries(members.map(([name, member]) => [name, valueFor(member, word, depth + 1)]));
  }
  if (type === "array") {
    return Array.from({ length: Math.max(1, schema.minItems ?? 1) }, () => valueFor(schema.items, word, depth + 1));
  }
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (type === "boolean") return true;
  return type === "null" ? null : word;
}

/** JSON text. Without a schema: an object that says what it is. */
export function composeJson(schema: unknown, lastText: string): string {
  const echo = Array.from(lastText).slice(0, 80).join("");
  if (!isSchema(schema))
    return JSON.stringify({ emulator: true, note: "No AI is answering.", you_said: echo }, null, 2);
  return JSON.stringify(valueFor(schema, echo === "" ? "emulator" : echo, 0), null, 2);
}
