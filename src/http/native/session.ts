// Sessions: made, listed and searched, read, changed, moved to the trash and back.

import { z } from "@hono/zod-openapi";
import type { Caller } from "../../caller/caller.ts";
import { chooseUser } from "../../caller/user.ts";
import type { Session } from "../../conversation/session.ts";
import { AppError, type FieldError, notFound } from "../../errors.ts";
import { newId } from "../../id.ts";
import type { Params } from "../../model/params.ts";
import type { Page, SessionFilter } from "../../store.ts";
import type { HttpAnswer } from "../answer.ts";
import type { AppDeps } from "../deps.ts";
import { etagOf, isUnchanged, readVersion } from "../etag.ts";
import type { Exchange } from "../exchange.ts";
import { invalidRequest } from "../field-errors.ts";
import { readIdempotency } from "../idempotency.ts";
import { type Answer, answerJson, bodyErrors, jsonAnswer, type Route, route } from "../route.ts";
import { readUser, userHeaderName, userHeaderSays, userSchema } from "../user.ts";
import { askedIdSchema, encodeList, exampleIds, listSchema } from "../wire.ts";
import {
  cursorFields,
  flagSchema,
  metadataSchema,
  modelSchema,
  paramsSchema,
  systemSchema,
  titleSchema,
} from "./fields.ts";
import { answerPage } from "./page.ts";
import { encodeFound, encodeSession, exampleSession, foundSessionSchema, sessionSchema } from "./session-wire.ts";
import { visible, visiblePattern } from "./visible.ts";

const fields = {
  user: userSchema.nullable().optional(),
  title: titleSchema.nullable().optional(),
  model: modelSchema.nullable().optional(),
  system: systemSchema.nullable().optional(),
  params: paramsSchema.optional(),
  metadata: metadataSchema.optional(),
};
const example = { title: "Borscht for two", system: "Answer in one sentence.", params: { temperature: 0.7 } };
const newSessionSchema = z.strictObject(fields).openapi("NewSession", { example });
const changeFields = {
  pinned: z.boolean().optional(),
  tip: askedIdSchema.optional().openapi({
    description:
      "A message on any branch: the path goes through it from now on, down to the newest message that follows it; later turns go on from " +
      "there. 409 while a turn runs",
    example: exampleIds.reply,
  }),
};
const sessionChangeSchema = z.strictObject({ ...fields, ...changeFields }).openapi("SessionChange", {
  description: "What is left out stays; params and metadata are replaced as a whole",
  example: { title: "Borscht" },
});

const listQuery = z.strictObject({
  ...cursorFields,
  q: z
    .string()
    .refine(
      (text) => visible.test(text) && [...text].length <= 200,
      "must have 1 to 200 characters, one of which can be seen",
    )
    .optional()
    .openapi({
      minLength: 1,
      maxLength: 200,
      pattern: visiblePattern,
      description: "Words of titles and messages, in any script",
    }),
  user: userSchema.optional().openapi({ description: "Sessions of this user alone" }),
  deleted: flagSchema.optional().openapi({ description: "true: what is in the trash" }),
  pinned: flagSchema.optional().openapi({ description: "true: pinned sessions alone; false: the others" }),
  order: z.enum(["updated", "created"]).optional().openapi({
    description:
      "updated (default): newest activity first, by `active_at`, in the trash by `deleted_at`. created: newest made first. Not with q",
  }),
  at: z.iso
    .datetime()
    .transform((text) => Date.parse(text))
    .optional()
    .openapi({
      type: "string",
      format: "date-time",
      description:
        "Where the cursor stood when you read it: its session's `active_at`, in the trash `deleted_at`. The page then begins there, also " +
        "where the session has moved since. Only with order updated, and after or before",
    }),
});

type ListQuery = z.infer<typeof listQuery>;

const sessionListSchema = listSchema(foundSessionSchema).openapi("SessionList", {
  example: encodeList([exampleSession], false),
});
export const ifMatch = { "If-Match": "Refuse (412) unless the session is at this version" };

export function oneSession(description: string, headers: Record<string, string> = {}): Answer {
  return jsonAnswer(description, sessionSchema, { ETag: "The session's version", ...headers });
}

export function answerSession(status: number, session: Session, headers: Record<string, string> = {}): HttpAnswer {
  return answerJson(status, encodeSession(session), { etag: etagOf(session), ...headers });
}

/** What the caller sees of a list; undefined: nothing. */
function filterFor(caller: Caller, { user, deleted = false, pinned }: ListQuery): SessionFilter | undefined {
  if (user !== undefined && caller.user !== null && user !== caller.user) return undefined;
  return { deleted, user: caller.user ?? user, ids: caller.sessions ?? undefined, pinned };
}

function checkList({ after, before, q, order, at }: ListQuery): void {
  const errors: FieldError[] = [];
  if (after !== undefined && before !== undefined) errors.push({ pointer: "?before", detail: "cannot go with after" });
  if (q !== undefined && order !== undefined) errors.push({ pointer: "?order", detail: "cannot go with q" });
  if (at !== undefined && ((after ?? before) === undefined || q !== undefined || order === "created"))
    errors.push({ pointer: "?at", detail: "goes with after or before, in the order of activity" });
  if (errors.length > 0) throw invalidRequest(errors);
}

export function sessionRoutes(deps: AppDeps): Route[] {
  const { store, catalogue, settings, now } = deps;

  /** Says at once what would otherwise be said at the first message. */
  function checkParams(model: string | null, params: Params | undefined): void {
    if (params === undefined) return;
    const errors = catalogue.checkParams(model ?? settings.defaultModel, params, now());
    if (errors.length > 0) throw invalidRequest(errors);
  }

  async function getSession(exchange: Exchange, id: string): Promise<Session> {
    const session = await store.findSession(exchange.owner, id);
    if (!session) throw notFound("session");
    return session;
  }

  return [
    route({
      method: "post",
      path: "/sessions",
      scope: "chat",
      operationId: "createSession",
      tag: "Sessions",
      summary: "Start a session",
      headers: {
        "Idempotency-Key": "The same key with the same body makes one session",
        [userHeaderName]: userHeaderSays,
      },
      body: newSessionSchema,
      bodyOptional: true,
      bodyExamples: { empty: {}, full: { ...example, metadata: { customer: "c-17" } } },
      responses: { 201: oneSession("The new session", { Location: "The session" }) },
      errors: [...bodyErrors, "idempotency_mismatch"],
      async handler({ exchange, body }) {
        checkParams(body.model ?? null, body.params);
        const { title = null, model = null, system = null, params = {}, metadata = {} } = body;
        const { caller } = exchange;
        if (caller.sessions) throw new AppError("forbidden", "This token is for some sessions, and begins no others.");
        const user = chooseUser(caller, readUser(exchange, body.user));
        const at = now();
        const idempotency = readIdempotency(exchange, body, at + settings.idempotencyMs);
        const session = await store.createSession(
          exchange.owner,
          newId(),
          { title, model, system, params, metadata, user },
          at,
          idempotency,
        );
        exchange.sessionId = session.id;
        return answerSession(201, session, { location: `/sessions/${session.id}` });
      },
    }),
    route({
      method: "get",
      path: "/sessions",
      scope: "read",
      operationId: "listSessions",
      tag: "Sessions",
      summary: "List sessions, newest activity first, or search them",
      query: listQuery,
      responses: { 200: jsonAnswer("A page", sessionListSchema) },
      errors: ["invalid_request", "storage_unavailable"],
      async handler({ exchange, query }) {
        checkList(query);
        const { limit = 20, after, before, at, q, order } = query;
        const page = { limit, after, before, at };
        const filter = filterFor(exchange.caller, query);
        if (!filter) return answerJson(200, encodeList([], false));
        const list = (part: Page) => store.listSessions(exchange.owner, { ...part, ...filter, order });
        return q === undefined
          ? answerPage(page, encodeSession, list, (session) => session.deletedAt ?? session.activeAt)
          : answerPage(page, encodeFound, (part) => store.searchSessions(exchange.owner, q, { ...part, ...filter }));
      },
    }),
    route({
      method: "get",
      path: "/sessions/{id}",
      scope: "read",
      operationId: "getSession",
      tag: "Sessions",
      summary: "Read a session, with what it has cost",
      params: { id: "session" },
      headers: {
        "If-None-Match": "Answer 304 if the session is still at this version",
      },
      responses: { 200: oneSession("The session"), 304: { description: "Still at the version you have" } },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange, id }) {
        const session = await getSession(exchange, id);
        const headers = { etag: etagOf(session), "cache-control": "private, no-cache" };
        if (isUnchanged(exchange.request, headers.etag)) return { status: 304, headers, body: null };
        return answerSession(200, session, headers);
      },
    }),
    route({
      method: "patch",
      path: "/sessions/{id}",
      scope: "chat",
      operationId: "changeSession",
      tag: "Sessions",
      summary: "Change a session's title, model, system prompt, params or metadata, pin it, or choose a branch",
      params: { id: "session" },
      headers: ifMatch,
      body: sessionChangeSchema,
      bodyExamples: { rename: { title: "Borscht" }, defaultModel: { model: null }, pin: { pinned: true } },
      responses: { 200: oneSession("The session as it is now") },
      errors: [...bodyErrors, "not_found", "version_mismatch", "turn_in_progress"],
      async handler({ exchange, id, body }) {
        if (body.user !== undefined) chooseUser(exchange.caller, body.user);
        const ifVersion = await readVersion(exchange, () => store.findSession(exchange.owner, id));
        if (body.params)
          checkParams(body.model === undefined ? (await getSession(exchange, id)).model : body.model, body.params);
        return answerSession(200, await store.updateSession(exchange.owner, id, body, now(), ifVersion));
      },
    }),
    route({
      method: "post",
      path: "/sessions/{id}/restore",
      scope: "chat",
      operationId: "restoreSession",
      tag: "Sessions",
      summary: "Take a session back from the trash",
      params: { id: "session" },
      responses: { 200: oneSession("The session, in the list again") },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange, id }) {
        return answerSession(200, await store.restoreSession(exchange.owner, id, now()));
      },
    }),
  ];
}
