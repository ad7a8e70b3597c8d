// An endpoint is one form: from it come the validation of a request, its types, and its place in the OpenAPI document.

import type { z } from "@hono/zod-openapi";
import type { Caller } from "../caller/caller.ts";
import { requireScope, type Scope } from "../caller/scope.ts";
import { type ErrorCode, notFound } from "../errors.ts";
import { isId } from "../id.ts";
import type { HttpAnswer } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import { invalidRequest, queryPointer, readIssues, sayIssue } from "./field-errors.ts";
import { type BodyLimits, parseJson, receiveJson } from "./json-body.ts";

export interface Answer {
  description: string;
  /** Schema by media type; none for an answer without a body. */
  content?: Record<string, { schema: z.ZodType; example?: unknown }>;
  headers?: Record<string, string>;
}

/** What the endpoint says of itself, for the document. */
export interface RouteForm {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** What the caller must be allowed to do. `any`: whoever has a key; `none`: everybody, without one. */
  scope: Scope | "any" | "none";
  /** A scope that opens it as well. */
  alsoScope?: Scope;
  /** As OpenAPI writes it: `/sessions/{id}`. */
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  /** What `{id}` names; anything that is no id of ours is `not_found`. A project's is a name, a budget's scope a text. */
  params?: { id: "session" | "turn" | "key" | "project" | "scope"; message_id?: "message" };
  /** Request headers with their meaning; what shape each has: `site/openapi.ts`. */
  headers?: Record<string, string>;
  /** Closed: unknown names are refused. Absent: whatever is in the query is ignored. */
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Where a body may be larger than others. */
  bodyLimits?: Partial<BodyLimits>;
  /** A body that may be left out counts as `{}`. */
  bodyOptional?: boolean;
  bodyExamples?: Record<string, unknown>;
  responses: Record<number, Answer>;
  errors: readonly ErrorCode[];
}

/** An answer with a body of JSON. */
export function jsonAnswer(description: string, schema: z.ZodType, headers?: Record<string, string>): Answer {
  return { description, content: { "application/json": { schema } }, ...(headers && { headers }) };
}

/** What every route refuses that reads a body and the database. */
export const bodyErrors = [
  "malformed_json",
  "bad_request",
  "too_large",
  "unsupported_media_type",
  "invalid_request",
  "storage_unavailable",
] as const;

/** How a call to the model may be refused, or fail. */
export const callErrors = [
  "unpriced_model",
  "budget_exceeded",
  "provider_rate_limited",
  "provider_error",
  "provider_refused_key",
  "model_not_found",
  "provider_unavailable",
  "provider_timeout",
  "draining",
] as const;

export interface Asked<Query, Body> {
  exchange: Exchange;
  /** The id in the path; "" on a path without one. */
  id: string;
  /** The second id in the path, if there is one in it. */
  messageId: string;
  query: Query;
  body: Body;
}

/** What a request passes on its way to a handler. */
export interface Gate {
  limits: BodyLimits;
  /** Throws not_found unless the caller may see it. */
  requireVisible(caller: Caller, kind: "session" | "turn", id: string): Promise<void>;
  /** Counts the request of a limited caller, and once its body is read that of the user it names. Throws rate_limited. */
  countRequest(exchange: Exchange): Promise<void> | undefined;
  countUserRequest(exchange: Exchange, body: unknown): Promise<void> | undefined;
}

export interface Route extends RouteForm {
  /** Lets in, validates and answers. Throws AppError. */
  serve(exchange: Exchange, id: string, gate: Gate): Promise<HttpAnswer>;
}

type Spec<Query extends z.ZodObject | undefined, Body extends z.ZodType | undefined> = Omit<
  RouteForm,
  "query" | "body"
> & {
  query?: Query;
  body?: Body;
  handler(
    asked: Asked<
      Query extends z.ZodObject ? z.output<Query> : undefined,
      Body extends z.ZodType ? z.output<Body> : undefined
    >,
  ): HttpAnswer | Promise<HttpAnswer>;
};

/** Closes the form: what comes out serves requests. */
export function route<
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(spec: Spec<Query, Body>): Route {
  const { handler, ...form } = spec;
  return {
    ...form,
    async serve(exchange, asked, gate) {
      exchange.route = form.path;
      const rate = form.scope === "none" ? null : exchange.who?.rate;
      if (rate) await gate.countRequest(exchange);
      if (form.scope !== "none" && form.scope !== "any")
        requireScope(exchange.caller.scopes, form.scope, form.alsoScope);
      else if (form.scope === "any") void exchange.caller; // throws where a key is needed and none is known
      // Ids are read in any case and written in small letters (RFC 9562, 4); a scope may hold a name.
      const id = form.params?.id === "scope" ? readScopeId(exchange) : asked.toLowerCase();
      const admitting = form.params && admit(exchange, form.params.id, id, gate);
      if (admitting) await admitting;
      const messageId = form.params?.message_id ? readMessageId(exchange) : "";
      const query = form.query ? readQuery(form.query, exchange.request.query) : undefined;
      const limits = form.bodyLimits ? { ...gate.limits, ...form.bodyLimits } : gate.limits;
      const came = form.body && receiveJson(exchange.request, limits);
      const body = form.body && readBody(form, parseJson(came instanceof Promise ? await came : came, limits));
      if (rate?.per_user) await gate.countUserRequest(exchange, body);
      return await handler({ exchange, id, messageId, query, body } as Parameters<typeof handler>[0]);
    },
  };
}

/** The second word of the path as it was meant, each %XX of it read once. Throws not_found. */
function readScopeId({ request }: Exchange): string {
  try {
    return decodeURIComponent(request.path.split("/")[2] ?? "");
  } catch {
    throw notFound("budget");
  }
}

/** The fourth word of the path. Throws not_found. */
function readMessageId({ request }: Exchange): string {
  const id = (request.path.split("/")[4] ?? "").toLowerCase();
  if (!isId(id)) throw notFound("message");
  return id;
}

/** Before the body is read: what the caller may not see is as if it were not there, whatever is asked of it. */
function admit(
  exchange: Exchange,
  kind: "session" | "turn" | "key" | "project" | "scope",
  id: string,
  gate: Gate,
): Promise<void> | undefined {
  if (kind === "project" || kind === "scope") return undefined;
  if (!isId(id)) throw notFound(kind);
  if (kind === "key") return undefined;
  if (kind === "session") exchange.sessionId = id;
  else exchange.turnId = id;
  const { caller } = exchange;
  return caller.user === null && caller.sessions === null ? undefined : gate.requireVisible(caller, kind, id);
}

function readQuery(schema: z.ZodObject, query: string): unknown {
  const values: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query.replace(/#.*$/s, ""))) {
    if (Object.hasOwn(values, name)) throw invalidRequest([{ pointer: `?${name}`, detail: "is given more than once" }]);
    if (name === "__proto__") throw invalidRequest([{ pointer: "?__proto__", detail: "is not a known field" }]);
    if (value.includes("\0"))
      throw invalidRequest([{ pointer: `?${name}`, detail: "must not contain the character U+0000" }]);
    values[name] = value;
  }
  const read = schema.safeParse(values, { error: sayIssue });
  if (!read.success) throw invalidRequest(readIssues(read.error.issues, queryPointer));
  return read.data;
}

function readBody({ body, bodyOptional }: RouteForm, json: unknown): unknown {
  const read = body!.safeParse(json === undefined && bodyOptional ? {} : json, { error: sayIssue });
  if (!read.success) throw invalidRequest(readIssues(read.error.issues));
  return read.data;
}

/** A JSON answer. Nothing of it may be kept by a cache unless the headers say so. */
export function answerJson(status: number, body: unknown, headers?: Record<string, string>): HttpAnswer {
  return { status, headers: { ...jsonHeaders, ...headers }, body: JSON.stringify(body) };
}

export const jsonHeaders = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};
