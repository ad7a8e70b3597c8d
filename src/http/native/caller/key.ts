// Keys: made, listed, read, changed, given a new secret, deleted. What each caller may know of and do: caller/key.ts.

import { z } from "@hono/zod-openapi";
import { hashSecret, type Key, makeSecret } from "../../../caller/key.ts";
import { projectPattern } from "../../../caller/project.ts";
import { orNoRate } from "../../../caller/rate.ts";
import { scopes } from "../../../caller/scope.ts";
import { chooseUser } from "../../../caller/user.ts";
import { AppError, notFound } from "../../../errors.ts";
import { newId } from "../../../id.ts";
import type { Page } from "../../../store.ts";
import type { HttpAnswer } from "../../answer.ts";
import type { AppDeps } from "../../deps.ts";
import { answerJson, bodyErrors, jsonAnswer, type Route, route } from "../../route.ts";
import { userSchema } from "../../user.ts";
import { encodeList, listSchema } from "../../wire.ts";
import { cursorFields, metadataSchema, modelSchema, textSchema } from "../fields.ts";
import { limitsSchema, readLimits } from "../money/budget-wire.ts";
import { answerPage } from "../page.ts";
import { encodeKey, exampleKey, keySchema, madeKeySchema } from "./key-wire.ts";
import { rateSchema } from "./rate-wire.ts";

const nameSchema = textSchema(100).openapi({ example: "the shop" });
const scopesSchema = z.array(z.enum(scopes)).min(1).max(scopes.length);
const modelsSchema = z.array(modelSchema).min(1).max(100).nullable();
const expirySchema = z.iso
  .datetime({ error: "must be a time such as 2027-01-01T00:00:00Z, or null" })
  .nullable()
  .openapi({ description: "The key opens nothing from then on" });
export const projectNameSchema = z
  .string()
  .regex(projectPattern, "must be a project's id: small letters, digits, - and _, at most 64")
  .openapi({ example: "default" });

const newKeySchema = z
  .strictObject({
    name: nameSchema,
    scopes: scopesSchema.optional().openapi({ description: "Default: chat and read" }),
    project: projectNameSchema.optional().openapi({ description: "For an operator: another project than its own" }),
    user: userSchema.optional().openapi({ description: "The key then sees this user's sessions alone" }),
    models: modelsSchema.optional(),
    rate: rateSchema.nullable().optional(),
    limits: limitsSchema.optional().openapi({ description: "Its budget, as PUT /budgets/key:<id> sets it" }),
    expires_at: expirySchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .openapi("NewKey", { example: { name: "the shop", scopes: ["chat", "read"] } });
const keyChangeSchema = z
  .strictObject({
    name: nameSchema.optional(),
    scopes: scopesSchema.optional(),
    models: modelsSchema.optional(),
    rate: rateSchema.nullable().optional(),
    limits: limitsSchema.optional().openapi({ description: "In place of those it had; [] for none" }),
    expires_at: expirySchema.optional(),
    disabled: z.boolean().optional().openapi({ description: "true: it opens nothing, from now on" }),
    metadata: metadataSchema.optional(),
  })
  .openapi("KeyChange", { example: { disabled: true } });
const mostGraceSeconds = 30 * 86_400;
const rotateSchema = z
  .strictObject({
    grace_seconds: z.int().min(0).max(mostGraceSeconds).optional().openapi({
      description: "How long the secret before it stays good. Default: not at all",
    }),
  })
  .openapi("Rotate", { example: { grace_seconds: 3600 } });
const listQuery = z.strictObject({
  ...cursorFields,
  project: projectNameSchema.optional().openapi({ description: "For an operator: this project's alone" }),
});

const keyListSchema = listSchema(keySchema).openapi("KeyList", { example: encodeList([exampleKey], false) });
const oneKey = (description: string) => jsonAnswer(description, keySchema);
const madeKey = (description: string) => jsonAnswer(description, madeKeySchema);
export function keyRoutes({ store, keys, catalogue, now }: AppDeps): Route[] {
  const encode = async (key: Key) => encodeKey(key, (await store.listKeyLimits([key.id])).get(key.id));
  const answerMade = async (status: number, key: Key, secret: string, headers = {}): Promise<HttpAnswer> =>
    answerJson(status, { ...(await encode(key)), secret }, headers);
  const readExpiry = (text: string | null | undefined) =>
    text === undefined ? undefined : text === null ? null : Date.parse(text);

  const limitsFrom = (asked: z.output<typeof limitsSchema> | undefined) => asked && readLimits(asked, catalogue);

  /** This process forgets at once; the others within a second. */
  async function changed<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      keys.forget();
    }
  }

  return [
    route({
      method: "post",
      path: "/keys",
      scope: "admin",
      operationId: "createKey",
      tag: "Keys",
      summary: "Make a key",
      description:
        "The answer is the only one that ever holds the secret. No key can make one that may do more than itself.",
      body: newKeySchema,
      bodyExamples: { plain: { name: "the shop" }, bound: { name: "Anna's phone", user: "customer-17" } },
      responses: { 201: { ...madeKey("The key, with its secret"), headers: { Location: "The key" } } },
      errors: [...bodyErrors, "not_found"],
      async handler({ exchange, body }) {
        const { caller } = exchange;
        const secret = makeSecret();
        const wanted = {
          project: body.project ?? caller.project,
          name: body.name,
          scopes: [...new Set(body.scopes ?? (["chat", "read"] as const))],
          user: chooseUser(caller, body.user),
          models: body.models ?? null,
          rate: orNoRate(body.rate ?? null),
          expiresAt: readExpiry(body.expires_at) ?? null,
          metadata: body.metadata ?? {},
        };
        const limits = limitsFrom(body.limits);
        const key = await changed(store.createKey(caller, newId(), wanted, hashSecret(secret), now(), limits));
        return answerMade(201, key, secret, { location: `/keys/${key.id}` });
      },
    }),
    route({
      method: "get",
      path: "/keys",
      scope: "admin",
      operationId: "listKeys",
      tag: "Keys",
      summary: "List the keys, the newest first",
      query: listQuery,
      responses: { 200: jsonAnswer("A page", keyListSchema) },
      errors: ["invalid_request", "storage_unavailable"],
      async handler({ exchange, query: { limit = 20, after, before, project } }) {
        const list = async (page: Page) => {
          const listed = await store.listKeys(exchange.caller, { ...page, project });
          const limits = await store.listKeyLimits(listed.data.map(({ id }) => id));
          return { ...listed, data: listed.data.map((key) => encodeKey(key, limits.get(key.id))) };
        };
        return answerPage({ limit, after, before }, (key) => key, list);
      },
    }),
    route({
      method: "get",
      path: "/keys/me",
      scope: "any",
      operationId: "getOwnKey",
      tag: "Keys",
      summary: "Read the key that this request is made with",
      responses: { 200: oneKey("The key") },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange: { caller } }) {
        const found = caller.by === "key" ? await keys.findById(caller.keyId!) : null;
        if (!found) throw notFound("key");
        return answerJson(200, await encode(found.key));
      },
    }),
    route({
      method: "get",
      path: "/keys/{id}",
      scope: "admin",
      operationId: "getKey",
      tag: "Keys",
      summary: "Read a key",
      params: { id: "key" },
      responses: { 200: oneKey("The key") },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange, id }) {
        return answerJson(200, await encode(await store.getKey(exchange.caller, id)));
      },
    }),
    route({
      method: "patch",
      path: "/keys/{id}",
      scope: "admin",
      operationId: "changeKey",
      tag: "Keys",
      summary: "Change a key, or switch it off and on",
      description: "What it may do then must be no more than what you may.",
      params: { id: "key" },
      body: keyChangeSchema,
      responses: { 200: oneKey("The key as it is now") },
      errors: [...bodyErrors, "not_found"],
      async handler({ exchange, id, body: { expires_at, limits, ...body } }) {
        if (limits && exchange.caller.user !== null)
          throw new AppError("forbidden", "A key that is bound to a user changes no budgets.");
        const expiresAt = readExpiry(expires_at);
        const change = { ...body, ...(expiresAt === undefined ? {} : { expiresAt }) };
        if (change.rate) change.rate = orNoRate(change.rate);
        if (change.scopes) change.scopes = [...new Set(change.scopes)];
        const key = await changed(store.updateKey(exchange.caller, id, change, limitsFrom(limits)));
        return answerJson(200, await encode(key));
      },
    }),
    route({
      method: "post",
      path: "/keys/{id}/rotate",
      scope: "admin",
      operationId: "rotateKey",
      tag: "Keys",
      summary: "Give a key a new secret",
      description:
        "It stays the same key: its sessions, its name, what it may do. Of older secrets the last one alone has a grace.",
      params: { id: "key" },
      body: rotateSchema,
      bodyOptional: true,
      responses: { 200: madeKey("The key, with its new secret") },
      errors: [...bodyErrors, "not_found"],
      async handler({ exchange, id, body: { grace_seconds = 0 } }) {
        const secret = makeSecret();
        const oldUntil = now() + grace_seconds * 1000;
        const key = await changed(store.rotateKey(exchange.caller, id, hashSecret(secret), oldUntil));
        return answerMade(200, key, secret);
      },
    }),
    route({
      method: "delete",
      path: "/keys/{id}",
      scope: "admin",
      operationId: "deleteKey",
      tag: "Keys",
      summary: "Delete a key",
      description: "For good: it opens nothing from now on, and its budget goes with it. What was done with it stays.",
      params: { id: "key" },
      responses: { 204: { description: "It is gone" } },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange, id }) {
        await changed(store.deleteKey(exchange.caller, id, now()));
        return { status: 204, headers: { "cache-control": "no-store" }, body: null };
      },
    }),
  ];
}
