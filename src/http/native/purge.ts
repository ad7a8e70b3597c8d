// Deleting: a session goes to the trash, or every word of it goes for good; of all sessions of a person, and of the trash.

import { z } from "@hono/zod-openapi";
import { hasScope } from "../../caller/scope.ts";
import { chooseUser } from "../../caller/user.ts";
import type { Purged } from "../../conversation/eraser.ts";
import type { Purger } from "../../conversation/purge.ts";
import { AppError } from "../../errors.ts";
import type { AppDeps } from "../deps.ts";
import { readVersion } from "../etag.ts";
import type { Exchange } from "../exchange.ts";
import { invalidRequest } from "../field-errors.ts";
import { answerJson, type Route, route } from "../route.ts";
import { userSchema } from "../user.ts";
import { count } from "../wire.ts";
import { flagSchema } from "./fields.ts";
import { answerSession, ifMatch, oneSession } from "./session.ts";

export const oneQuery = z.strictObject({
  purge: flagSchema.optional().openapi({ description: "true: every word of it goes, for good" }),
});
const manyQuery = z.strictObject({
  purge: z
    .literal("true", { error: "must be true: many sessions are deleted for good or not at all" })
    .openapi({ type: "string", enum: ["true"] }),
  user: userSchema.optional().openapi({ description: "Of this user alone; without `deleted`, the person is erased" }),
  deleted: z
    .literal("true", { error: "must be true, or be left out" })
    .optional()
    .openapi({ type: "string", enum: ["true"], description: "What is in the trash, and nothing else" }),
});
const purgedSchema = z
  .object({
    sessions: count.openapi({ description: "Purged by this request" }),
    messages: count.openapi({ description: "Theirs, and those that lost their words in sessions that stay" }),
    files: count,
  })
  .openapi("Purged", { example: { sessions: 12, messages: 340, files: 0 } });

const whatPurgeDoes =
  "Messages, title, system prompt, `stop`, `response_schema`, metadata, the event log, the search index and idempotency keys lose their words, on the disk too; " +
  "what it has cost stays in the books. A turn that runs is cut first, and its bill booked.";

export function purgeRoutes({ store, eraser, now }: AppDeps): Route[] {
  return [
    route({
      method: "delete",
      path: "/sessions/{id}",
      scope: "chat",
      operationId: "trashSession",
      tag: "Sessions",
      summary: "Move a session to the trash, or purge it",
      description: `In the trash it takes no more messages and leaves the list. With \`purge=true\` it reads as if it had never been: ${whatPurgeDoes} Asked again, the answer is the same.`,
      params: { id: "session" },
      headers: ifMatch,
      query: oneQuery,
      responses: { 200: oneSession("The session, in the trash"), 204: { description: "It is purged" } },
      errors: ["bad_request", "not_found", "version_mismatch", "conflict", "invalid_request", "storage_unavailable"],
      async handler({ exchange, id, query: { purge } }) {
        const ifVersion = await readVersion(exchange, () => store.findSession(exchange.owner, id));
        if (!purge) return answerSession(200, await store.trashSession(exchange.owner, id, now(), ifVersion));
        await eraser.purge(purger(exchange), id, ifVersion);
        return isPurged;
      },
    }),
    route({
      method: "delete",
      path: "/sessions",
      scope: "chat",
      operationId: "purgeSessions",
      tag: "Sessions",
      summary: "Erase a person, or empty the trash",
      description:
        `\`user=U\`: all sessions of U are purged, messages sent for U in other sessions lose their words, keys bound to U are deleted, and a keyed hash takes the name's place in the books. Budgets for U go only at the word of a key with the scope admin that is bound to nobody. \`deleted=true\`: what is in the trash is purged. ${whatPurgeDoes} ` +
        "It may take minutes; a request that was cut off goes on, and one that is repeated goes on where it ended.",
      query: manyQuery,
      responses: {
        200: { description: "What was purged", content: { "application/json": { schema: purgedSchema } } },
      },
      errors: ["forbidden", "conflict", "invalid_request", "storage_unavailable", "draining"],
      async handler({ exchange, query: { user: named, deleted } }) {
        if (named === undefined && deleted === undefined)
          throw invalidRequest([{ pointer: "?user", detail: "say whose sessions, or deleted=true for the trash" }]);
        const { caller } = exchange;
        if (caller.sessions) throw new AppError("forbidden", "This token is for some sessions, and purges no others.");
        const user = chooseUser(caller, named) ?? undefined;
        const by = purger(exchange);
        return answerPurged(
          user === undefined || deleted ? await eraser.emptyTrash(by, user) : await eraser.erasePerson(by, user),
        );
      },
    }),
  ];
}

export const isPurged = { status: 204, headers: { "cache-control": "no-store" }, body: null };

export function purger({ caller }: Exchange): Purger {
  const { project, keyId, scopes, user } = caller;
  return { project, keyId, manages: user === null && hasScope(scopes, "admin") };
}

function answerPurged({ sessions, messages }: Purged) {
  return answerJson(200, { sessions, messages, files: 0 });
}
