// Holds the OpenAPI document against its own rules, and values against its schemas. A small JSON Schema checker of our own:
// no validator is among the dependencies, and one that shared code with the server's would forgive the server's mistakes.

import type { AppDeps } from "../src/http/app.ts";
import { createApp } from "../src/http/app.ts";
import { describeApi } from "../src/http/site/openapi.ts";
import { version } from "../src/main.ts";
import { testTextChars } from "./http-assembly.ts";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Schema = { [keyword: string]: Json };

interface Media {
  schema: Schema;
  example?: Json;
  examples?: Record<string, { value: Json }>;
}
export interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, { description: string; headers?: object; content?: Record<string, Media> }>;
}
export interface Document {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** The document needs the routes' forms only, so nothing stands behind this app. */
const app = createApp({
  settings: { version, maxTextChars: testTextChars, maxImportBytes: 33_554_432 },
} as unknown as AppDeps);
export const routes = app.routes;
export const document = JSON.parse(JSON.stringify(describeApi(routes, version, { maxBodyBytes: 100_000 }))) as Document;

/** Of the forms that an answer may have, the one that this is in. */
function mediaOf(content: Record<string, Media> | undefined, body: unknown): Media | undefined {
  const forms = Object.entries(content ?? {});
  const isText = typeof body === "string";
  return (forms.find(([type]) => type.startsWith("text/") === isText) ?? forms[0])?.[1];
}

export function operations(): { path: string; method: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
}

/**
 * Throws unless the document describes this answer: the operation, the status, and a body that fits the schema and brings
 * no member the document does not know. `path` is a real one (`/sessions/0193...`). Pass text for what is not JSON.
 */
export function checkAnswer(method: string, path: string, status: number, body: unknown): void {
  const pathname = path.replace(/^https?:\/\/[^/]+/, "").replace(/\?.*$/s, "");
  const found = operations().find(
    (one) =>
      one.method === method.toLowerCase() && new RegExp(`^${one.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(pathname),
  );
  if (!found) throw new Error(`the document has no ${method} ${pathname}`);
  const answer = found.operation.responses[String(status)];
  if (!answer)
    throw new Error(`${method} ${found.path}: the document has no ${status}: ${JSON.stringify(body).slice(0, 300)}`);
  const media = mediaOf(answer.content, body);
  if (!media) {
    if (body !== undefined && body !== "")
      throw new Error(`${method} ${found.path} ${status}: a body that the document does not know`);
    return;
  }
  const mistakes = validate(media.schema, JSON.parse(JSON.stringify(body)) as Json, "", true);
  if (mistakes.length > 0) throw new Error(`${method} ${found.path} ${status}: ${mistakes.join("; ")}`);
}

/** Checks one event of a turn against its schema in the document. */
export function checkEvent(type: string, data: unknown): void {
  const name = `${type
    .split("-")
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join("")}Event`;
  const schema = document.components.schemas[name];
  if (!schema) throw new Error(`the document has no ${name}`);
  const mistakes = validate(schema, JSON.parse(JSON.stringify(data)) as Json, "", true);
  if (mistakes.length > 0) throw new Error(`${name}: ${mistakes.join("; ")}`);
}

const formats: Record<string, RegExp> = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, // read in any case
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
};

/** Every way in which the value does not fit. `closed`: members that the schema does not name are mistakes, too. */
export function validate(schema: Schema, value: Json, place = "", closed = false): string[] {
  if (typeof schema.$ref === "string") return validate(resolve(schema.$ref), value, place, closed);
  const found: string[] = [];
  const say = (what: string) => found.push(`${place || "/"} ${what}`);
  for (const part of list(schema.allOf)) found.push(...validate(part, value, place, closed));
  for (const choice of [schema.anyOf, schema.oneOf]) {
    if (!choice) continue;
    const tried = list(choice).map((part) => validate(part, value, place, closed));
    if (!tried.some((mistakes) => mistakes.length === 0)) say(`fits none of: ${tried.flat().join(" | ")}`);
  }
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(value, type as string))) {
    say(`is ${JSON.stringify(value)?.slice(0, 60)}, not ${schema.type}`);
    return found;
  }
  if (Array.isArray(schema.enum) && !schema.enum.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value)))
    say("is not in the enum");
  if (schema.const !== undefined && JSON.stringify(schema.const) !== JSON.stringify(value)) say("is not the const");
  if (typeof value === "string") found.push(...validateText(schema, value, place));
  if (typeof value === "number") {
    if (typeof schema.minimum === "number" && value < schema.minimum) say("is below the minimum");
    if (typeof schema.maximum === "number" && value > schema.maximum) say("is above the maximum");
  }
  if (Array.isArray(value) && typeof schema.minItems === "number" && value.length < schema.minItems)
    say("is too short");
  if (Array.isArray(value) && typeof schema.maxItems === "number" && value.length > schema.maxItems) say("is too long");
  if (typeof schema["x-max-bytes"] === "number" && Buffer.byteLength(JSON.stringify(value)) > schema["x-max-bytes"])
    say("has too many bytes");
  if (Array.isArray(value) && schema.items) {
    value.forEach((item, index) => {
      found.push(...validate(schema.items as Schema, item, `${place}/${index}`, closed));
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    found.push(...validateMembers(schema, value, place, closed));
  return found;
}

function validateText(schema: Schema, value: string, place: string): string[] {
  const found: string[] = [];
  const length = [...value].length;
  if (typeof schema.minLength === "number" && length < schema.minLength) found.push(`${place} is too short`);
  if (typeof schema.maxLength === "number" && length > schema.maxLength) found.push(`${place} is too long`);
  if (typeof schema.pattern === "string" && !new RegExp(schema.pattern, "u").test(value))
    found.push(`${place} ${value} does not match ${schema.pattern}`);
  if (typeof schema.format === "string") {
    const format = formats[schema.format];
    if (!format) found.push(`${place}: the checker does not know the format ${schema.format}`);
    else if (!format.test(value)) found.push(`${place} ${value} is no ${schema.format}`);
  }
  return found;
}

function validateMembers(schema: Schema, value: { [name: string]: Json }, place: string, closed: boolean): string[] {
  const found: string[] = [];
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  if (typeof schema.maxProperties === "number" && Object.keys(value).length > schema.maxProperties)
    found.push(`${place} has too many members`);
  if (schema.propertyNames)
    for (const name of Object.keys(value)) found.push(...validateText(schema.propertyNames as Schema, name, place));
  for (const name of list(schema.required) as unknown as string[])
    if (!(name in value)) found.push(`${place}/${name} is missing`);
  for (const [name, member] of Object.entries(value)) {
    const rule = properties[name] ?? schema.additionalProperties;
    if (rule === undefined || rule === true) {
      if (rule === undefined && closed && schema.properties) found.push(`${place}/${name} is not in the document`);
    } else if (rule === false) found.push(`${place}/${name} is not allowed`);
    else found.push(...validate(rule as Schema, member, `${place}/${name}`, closed));
  }
  return found;
}

export function resolve(reference: string): Schema {
  const name = /^#\/components\/schemas\/([\w.-]+)$/.exec(reference)?.[1];
  const schema = name === undefined ? undefined : document.components.schemas[name];
  if (!schema) throw new Error(`the reference ${reference} leads nowhere`);
  return schema;
}

function list(value: Json | undefined): Schema[] {
  return Array.isArray(value) ? (value as Schema[]) : [];
}

function isOfType(value: Json, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
