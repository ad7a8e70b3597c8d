// Who the caller is here: what a page or an app asks first, so that it offers only what may be done.

import { z } from "@hono/zod-openapi";
import { scopes } from "../../../caller/scope.ts";
import type { AppDeps } from "../../deps.ts";
import { answerJson, jsonAnswer, type Route, route } from "../../route.ts";
import { userOutSchema } from "../../user.ts";
import { idSchema, printTimeOrNull, timeSchema } from "../../wire.ts";
import { modelSchema } from "../fields.ts";
import { budgetSchema, encodeBudget } from "../money/budget-wire.ts";

const callerSchema = z
  .object({
    object: z.literal("caller"),
    by: z.enum(["key", "token", "none"]).openapi({ description: "none: no key was shown, and none is needed" }),
    key_needed: z.boolean().openapi({ description: "Whether this server answers nobody without a key or token" }),
    project: z.string(),
    key_id: idSchema.nullable().openapi({ description: "The key, or the one that the token was made with" }),
    user: userOutSchema.openapi({ description: "Sees this user's sessions alone; null: everybody's in the project" }),
    scopes: z.array(z.enum(scopes)).openapi({ description: "operator holds all the others" }),
    sessions: z.array(idSchema).nullable().openapi({ description: "Sees these alone; null: all" }),
    models: z.array(modelSchema).nullable().openapi({ description: "Answered by these alone; null: by any" }),
    expires_at: timeSchema.nullable(),
    budgets: z.array(budgetSchema).openapi({ description: "Those that concern all that you send, as they stand" }),
  })
  .openapi("Caller", {
    example: {
      ...{ object: "caller", by: "key", key_needed: true, project: "default" },
      key_id: "01939c5e-7a00-7b11-8c22-3d4e5f607182",
      ...{ user: null, scopes: ["chat", "read"], sessions: null, models: null, expires_at: null, budgets: [] },
    },
  });

export function meRoutes({ settings, store, now }: AppDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/me",
      scope: "any",
      operationId: "getCaller",
      tag: "Keys",
      summary: "Read who you are here, and what you may do",
      responses: { 200: jsonAnswer("The caller", callerSchema) },
      errors: ["storage_unavailable"],
      async handler({ exchange: { caller } }) {
        const { by, project, keyId, user, scopes: held, sessions, models, expiresAt } = caller;
        const { budgets } = await store.readQuoteBudgets({ project, user, keyId, sessionId: "", at: now() }, null);
        return answerJson(200, {
          object: "caller",
          by: by === "key" || by === "token" ? by : "none",
          key_needed: settings.needsKey,
          ...{ project, key_id: keyId, user, scopes: [...held] },
          sessions: sessions && [...sessions],
          models: models && [...models],
          expires_at: printTimeOrNull(expiresAt),
          budgets: budgets.map(encodeBudget),
        });
      },
    }),
  ];
}
