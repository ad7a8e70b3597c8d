// From a schema of the OpenAPI document: the values at its edges, the largest and the one larger, and some of other kinds.

import { type Json, resolve, type Schema } from "./openapi-check.ts";

const otherKinds: Json[] = [null, true, 0, -1, 0.5, "1", "", [], {}];
/** Beyond it a double is no longer sure which whole number it is. */
const unsafe = 2 ** 53;
const textsOfAllKinds = ["", " ", "x", "\u200b", "a\u200b", "\0", "a\0", "😀", "__proto__", "constructor"];

/** Whether each of these is allowed is the document's to say. `ids`: real ones, where an id is asked for. */
export function edgesOf(schema: Schema, ids: readonly string[]): Json[] {
  if (typeof schema.$ref === "string") return edgesOf(resolve(schema.$ref), ids);
  const branches = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((part) => (Array.isArray(part) ? part : []));
  const own = [schema.type ?? []].flat().flatMap((type) => edgesOfType(schema, type as string, ids));
  const all = [...otherKinds, ...own, ...branches.flatMap((branch) => edgesOf(branch as Schema, ids))];
  return [...new Map(all.map((value) => [JSON.stringify(value), value])).values()];
}

function edgesOfType(schema: Schema, type: string, ids: readonly string[]): Json[] {
  if (Array.isArray(schema.enum)) return [...schema.enum, "none-of-these"];
  switch (type) {
    case "string":
      return schema.format === "uuid" ? [...ids, ...ids.map((id) => id.toUpperCase()), "x"] : textEdges(schema);
    case "integer":
    case "number": {
      const edges = [schema.minimum, schema.maximum].filter((edge) => typeof edge === "number");
      return [...edges.flatMap((edge) => [edge - 1, edge, edge + 1]), 1, unsafe - 1, unsafe, -unsafe, 1e300];
    }
    case "array": {
      const items = edgesOf(schema.items as Schema, ids);
      const most = typeof schema.maxItems === "number" ? schema.maxItems : 3;
      return [...items.map((item) => [item]), Array(most).fill("x"), Array(most + 1).fill("x")];
    }
    case "object":
      return objectEdges(schema, ids);
    default:
      return [];
  }
}

function textEdges(schema: Schema): Json[] {
  // Of a pattern that ends with so many of something: as many as that, and one more.
  const repeated = /\{\d+,(\d+)\}\$$/.exec(typeof schema.pattern === "string" ? schema.pattern : "")?.[1];
  const most =
    typeof schema.maxLength === "number" ? schema.maxLength : repeated === undefined ? 300 : Number(repeated) + 1;
  // Of what may be larger than a whole request may, only the least: the request's own limit is tested apart.
  if (most > 4_000_000) return textsOfAllKinds;
  return [...textsOfAllKinds, ...[most, most + 1].flatMap((length) => ["x".repeat(length), "😀".repeat(length)])];
}

function objectEdges(schema: Schema, ids: readonly string[]): Json[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const edges: Json[] = [{ "no-such-name": 1 }];
  for (const [name, property] of Object.entries(properties))
    for (const edge of edgesOf(property, ids)) edges.push({ [name]: edge });
  const most = schema.maxProperties;
  const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));
  if (typeof most === "number") edges.push(named(most), named(most + 1));
  const longestName = (schema.propertyNames as Schema | undefined)?.maxLength;
  if (typeof longestName === "number")
    edges.push({ ["n".repeat(longestName)]: 1 }, { ["n".repeat(longestName + 1)]: 1 }, { "": 1 });
  if (typeof schema.additionalProperties === "object" && schema.additionalProperties !== null)
    for (const edge of edgesOf(schema.additionalProperties as Schema, ids)) edges.push({ name: edge });
  const bytes = schema["x-max-bytes"];
  if (typeof bytes === "number") {
    const frame = JSON.stringify({ description: "" }).length;
    edges.push({ description: "x".repeat(bytes - frame) }, { description: "x".repeat(bytes - frame + 1) });
  }
  return edges;
}
