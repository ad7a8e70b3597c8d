// One version of what was said: deleted with all that follows it, and taken back; or gone for good.

import type { AppDeps } from "../deps.ts";
import { readVersion } from "../etag.ts";
import { type Route, route } from "../route.ts";
import { isPurged, oneQuery, purger } from "./purge.ts";
import { answerSession, ifMatch, oneSession } from "./session.ts";

const errors = [
  ...(["not_found", "turn_in_progress", "conflict", "version_mismatch", "bad_request", "storage_unavailable"] as const),
];

export function versionRoutes({ store, eraser, now }: AppDeps): Route[] {
  return [
    route({
      method: "delete",
      path: "/sessions/{id}/messages/{message_id}",
      scope: "chat",
      operationId: "deleteMessage",
      tag: "Messages",
      summary: "Delete one version of a question or of an answer",
      description:
        "Only where it has siblings: what was said once goes with its session. It is found no more, in the history, by the search, in an export, with all that follows " +
        "it, a question with all its answers; where it is on the current path, that goes through its neighbour from now on. Its turns are 404, their events too, and so is a request " +
        "that is repeated with its Idempotency-Key. A title that is its beginning becomes its neighbour's, one that a model made of it the beginning of the path, one that somebody gave stays. Its cost stays, in the session's and under `hidden`, and so do its receipts. After `TRASH_DAYS`, or when the session is purged, its words are erased, on the disk too; with `purge=true` at once, deleted before or not, with those of " +
        "all that follows it: nothing takes them back, the keys that they were sent with are free again, and asked again the answer is the same. 409 while a turn runs.",
      params: { id: "session", message_id: "message" },
      headers: ifMatch,
      query: oneQuery,
      responses: { 200: oneSession("The session as it is now"), 204: { description: "It is purged" } },
      errors: [...errors, "invalid_request", "draining"],
      async handler({ exchange, id, messageId, query: { purge } }) {
        const ifVersion = await readVersion(exchange, () => store.findSession(exchange.owner, id));
        if (purge) {
          await eraser.purgeVersion(purger(exchange), id, messageId, ifVersion);
          return isPurged;
        }
        return answerSession(200, await store.removeVersion(exchange.owner, id, messageId, now(), ifVersion));
      },
    }),
    route({
      method: "post",
      path: "/sessions/{id}/messages/{message_id}/restore",
      scope: "chat",
      operationId: "restoreMessage",
      tag: "Messages",
      summary: "Take back a version that was deleted",
      description:
        "The path goes through it again. Nothing changes where it was not deleted. 404 while what it follows is deleted itself, and for good once its words are erased.",
      params: { id: "session", message_id: "message" },
      headers: ifMatch,
      responses: { 200: oneSession("The session as it is now") },
      errors,
      async handler({ exchange, id, messageId }) {
        const ifVersion = await readVersion(exchange, () => store.findSession(exchange.owner, id));
        return answerSession(200, await store.restoreVersion(exchange.owner, id, messageId, now(), ifVersion));
      },
    }),
  ];
}
