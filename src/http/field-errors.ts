// What was wrong with which field: zod's findings as JSON Pointers and short sentences.

import type { z } from "@hono/zod-openapi";
import { AppError, type FieldError } from "../errors.ts";

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/** Whoever has more than these wrong will not read them. */
export const mostErrors = 20;
/** A pointer or a sentence repeats what was sent, of which nothing is too long to be answered. */
const mostCharacters = 300;

/** The 422 for a body or query with wrong fields; its detail repeats the first few, for those who read only that. */
export function invalidRequest(all: FieldError[]): AppError {
  const errors = all
    .slice(0, mostErrors)
    .map(({ pointer, detail }) => ({ pointer: cut(pointer), detail: cut(detail) }));
  const shown = errors.slice(0, 3).map(({ pointer, detail }) => `${pointer === "" ? "The body" : pointer} ${detail}`);
  const more = errors.length > shown.length ? `; and ${errors.length - shown.length} more` : "";
  return new AppError("invalid_request", `${shown.join("; ")}${more}.`, { errors });
}

/** A JSON Pointer (RFC 6901). */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** For a query value: `?name`. */
export function queryPointer(path: readonly PropertyKey[]): string {
  return `?${path.map(String).join(".")}`;
}

function cut(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters).toWellFormed()}…`;
}

/** The first fields that zod found wrong, unknown ones each by name. */
export function readIssues(issues: readonly Issue[], pointer = pointerTo): FieldError[] {
  return issues.slice(0, mostErrors).flatMap((issue): FieldError[] => {
    if (issue.code === "unrecognized_keys")
      return issue.keys
        .slice(0, mostErrors)
        .map((key) => ({ pointer: pointer([...issue.path, key]), detail: "is not a known field" }));
    if (issue.code === "invalid_key")
      return [{ pointer: pointer(issue.path), detail: issue.issues[0]?.message ?? issue.message }];
    return [{ pointer: pointer(issue.path), detail: issue.message }];
  });
}

/** One sentence for each kind of issue, where the schema brings none of its own. */
export function sayIssue(issue: RawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is required" : `must be ${nameType(issue.expected)}`;
    case "too_small":
      return `must ${sizeOf(issue.origin)} at least ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`;
    case "too_big":
      return `must ${sizeOf(issue.origin)} at most ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    default:
      return "is not valid";
  }
}

function nameType(expected: string): string {
  if (expected === "int") return "a whole number";
  if (expected === "record") return "an object";
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}
function sizeOf(origin: string): string {
  return origin === "number" || origin === "int" ? "be" : "have";
}
function unitOf(origin: string, size: number | bigint): string {
  const plural = Number(size) === 1 ? "" : "s";
  if (origin === "string") return ` character${plural}`;
  return origin === "array" ? ` item${plural}` : "";
}
