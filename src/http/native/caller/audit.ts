// The audit, read: who made, changed, refused or erased what.

import { z } from "@hono/zod-openapi";
import { type AuditLine, auditActions } from "../../../caller/audit.ts";
import type { Page } from "../../../store.ts";
import type { AppDeps } from "../../deps.ts";
import { jsonAnswer, type Route, route } from "../../route.ts";
import { count, encodeList, idSchema, listSchema, printTime, timeSchema } from "../../wire.ts";
import { cursorFields } from "../fields.ts";
import { answerPage } from "../page.ts";
import { projectNameSchema } from "./key.ts";

const exampleLine = {
  id: "01939c5e-7d00-7b11-8c22-3d4e5f607182",
  at: "2026-11-23T09:00:00.000Z",
  project: "default",
  key_id: "01939c5e-7a00-7b11-8c22-3d4e5f607182",
  action: "session.purged" as const,
  target: "01939c5e-7b1a-7c3d-9f20-0c1d2e3f4a5b",
  count: 1,
};
const lineSchema = z
  .object({
    id: idSchema,
    at: timeSchema,
    project: z.string().nullable().openapi({ description: "Null: nobody's, and then operators alone see it" }),
    key_id: idSchema.nullable().openapi({
      description: "The key it was done with; null: the command line's, the server's own, or none was needed",
    }),
    action: z.enum(auditActions).openapi({
      description:
        "key.used: for the first time. key.refused, token.refused, token.created: counted, a line a minute. trash.swept, versions.swept: by the server, when their time was over",
    }),
    target: z.string().nullable().openapi({
      description:
        "An id, or a budget's scope. A user's name is never in it: the same keyed hash stands for it each time",
    }),
    count: count.openapi({ description: "How many: refusals in the minute before, sessions or versions erased" }),
  })
  .openapi("AuditLine", { example: exampleLine });

const moment = z.iso.datetime({ error: "must be a time such as 2027-01-01T00:00:00Z" });
const listQuery = z.strictObject({
  ...cursorFields,
  action: z.enum(auditActions).optional(),
  from: moment.optional().openapi({ description: "From this moment on" }),
  to: moment.optional().openapi({ description: "Before this moment" }),
  project: projectNameSchema.optional().openapi({ description: "For an operator: this project's alone" }),
});
const auditListSchema = listSchema(lineSchema).openapi("AuditList", { example: encodeList([exampleLine], false) });

function encodeLine({ id, at, project, keyId, action, target, count: many }: AuditLine): z.infer<typeof lineSchema> {
  return { id, at: printTime(at), project, key_id: keyId, action, target, count: many };
}

export function auditRoutes({ store }: AppDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/audit",
      scope: "admin",
      operationId: "listAudit",
      tag: "Keys",
      summary: "Read who made, changed, refused or erased what, the newest first",
      description:
        "Of the caller's project; an operator sees all, and a key bound to a user what was done with it. Lines are added, never changed.",
      query: listQuery,
      responses: { 200: jsonAnswer("A page", auditListSchema) },
      errors: ["invalid_request", "storage_unavailable"],
      async handler({ exchange, query: { limit = 20, after, before, from, to, action, project } }) {
        const read = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
        const filter = { action, project, from: read(from), to: read(to) };
        const list = (page: Page) => store.listAudit(exchange.caller, { ...page, ...filter });
        return answerPage({ limit, after, before }, encodeLine, list);
      },
    }),
  ];
}
