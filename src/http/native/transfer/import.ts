// A session from a file, put back.

import { z } from "@hono/zod-openapi";
import { AppError } from "../../../errors.ts";
import type { AppDeps } from "../../deps.ts";
import { readIdempotency } from "../../idempotency.ts";
import { bodyErrors, type Route, route } from "../../route.ts";
import { flagSchema } from "../fields.ts";
import { answerSession, oneSession } from "../session.ts";
import { importSchema, readImport } from "./import-wire.ts";

/** A turn has some seventy: ten thousand turns. */
export const mostImportValues = 1_000_000;

export function importRoutes({ store, acceptsParts, settings, now }: AppDeps): Route[] {
  return [
    route({
      method: "post",
      path: "/sessions/import",
      scope: "chat",
      operationId: "importSession",
      tag: "Sessions",
      summary: "Put an exported session back",
      description:
        `The file of \`GET /sessions/{id}/export\`, at most ${settings.maxImportBytes} bytes and ${mostImportValues} values. Ids, times, branches and receipts stay what they were; where one of the ids is taken, all are new. ` +
        "What it had cost is history (`imported`): it is in the session's cost, and in no budget, no ledger and no sum of what was spent here. " +
        "A file that is imported twice is refused the second time (409, `session_id`), unless it is to be a copy. " +
        "A session that was purged here is the same session again: its own books stand beside its words, as they always did. A caller that acts for one user imports for that user.",
      headers: { "Idempotency-Key": "The same key with the same file puts it back once, a copy too" },
      query: z.strictObject({
        copy: flagSchema
          .optional()
          .openapi({ description: "true: another session, with new ids, even if it is here already" }),
      }),
      body: importSchema,
      bodyLimits: { maxBytes: settings.maxImportBytes, mostValues: mostImportValues },
      responses: {
        201: oneSession("The session", { Location: "The session" }),
      },
      errors: [...bodyErrors, "forbidden", "conflict", "idempotency_mismatch"],
      async handler({ exchange, query: { copy = false }, body }) {
        const { caller, owner } = exchange;
        if (caller.sessions) throw new AppError("forbidden", "This token is for some sessions, and begins no others.");
        const read = readImport(body, acceptsParts);
        if (caller.user !== null) {
          read.user = caller.user;
          for (const turn of read.turns) turn.user = caller.user;
        }
        const at = now();
        const session = await store.importSession({
          ...{ ...read, owner, seesUser: caller.user, copy, at },
          idempotency: readIdempotency(exchange, { copy, body }, at + settings.idempotencyMs),
        });
        exchange.sessionId = session.id;
        return answerSession(201, session, { location: `/sessions/${session.id}` });
      },
    }),
  ];
}
