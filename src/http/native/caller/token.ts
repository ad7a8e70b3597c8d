// Tokens: what a server gives to its browsers and apps instead of its key.

import { z } from "@hono/zod-openapi";
import {
  longestTokenSeconds,
  makeClaims,
  mostTokenSessions,
  tokenScopes,
  usualTokenSeconds,
} from "../../../caller/token.ts";
import { seesSession } from "../../../caller/user.ts";
import { notFound } from "../../../errors.ts";
import type { Signer } from "../../auth/signature.ts";
import type { AppDeps } from "../../deps.ts";
import { answerJson, bodyErrors, jsonAnswer, type Route, route } from "../../route.ts";
import { userSchema } from "../../user.ts";
import { askedIdSchema, printTime, timeSchema } from "../../wire.ts";

const newTokenSchema = z
  .strictObject({
    user: userSchema,
    ttl_seconds: z
      .int()
      .min(1)
      .max(longestTokenSeconds)
      .optional()
      .openapi({
        description: `How long it is good. Default: ${usualTokenSeconds}; never longer than the key`,
      }),
    scopes: z.array(z.enum(tokenScopes)).min(1).max(2).optional().openapi({ description: "Default: chat and read" }),
    sessions: z.array(askedIdSchema).min(1).max(mostTokenSessions).optional().openapi({
      description: "Sees these alone, and begins no others. They must be the user's",
    }),
  })
  .openapi("NewToken", { example: { user: "customer-17", ttl_seconds: 3600 } });
const tokenSchema = z.object({ token: z.string(), expires_at: timeSchema }).openapi("Token", {
  example: { token: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjIn0.c2lnbmF0dXJl", expires_at: "2026-11-23T10:30:00.000Z" },
});

export function tokenRoutes({ store, tally, now }: AppDeps, signer: Signer): Route[] {
  return [
    route({
      method: "post",
      path: "/tokens",
      scope: "chat",
      operationId: "createToken",
      tag: "Keys",
      summary: "Make a short-lived token for a user's browser or app",
      description:
        "Sent as `Authorization: Bearer`, it does what a key bound to that user does, and no more than the key it was made with, which takes it along when it goes.",
      body: newTokenSchema,
      bodyExamples: { plain: { user: "customer-17" }, narrow: { user: "customer-17", scopes: ["read"] } },
      responses: { 201: jsonAnswer("The token", tokenSchema) },
      errors: [...bodyErrors, "not_found"],
      async handler({ exchange, body }) {
        const { user, ttl_seconds = usualTokenSeconds, scopes = [...tokenScopes], sessions = null } = body;
        const { caller } = exchange;
        const claims = makeClaims(caller, { user, scopes, sessions, ttlSeconds: ttl_seconds }, now());
        for (const id of sessions ?? []) {
          const session = await store.findSessionUser(caller.project, "session", id);
          if (!session || !seesSession({ ...caller, user }, session)) throw notFound("session");
        }
        const { project, keyId } = caller;
        tally.count({ action: "token.created", project, keyId, target: keyId });
        return answerJson(201, { token: await signer.sign(claims), expires_at: printTime(claims.expiresAt) });
      },
    }),
  ];
}
