// A session's title, made by a model.

import { askedRate } from "../auth/rate.ts";
import type { AppDeps } from "../deps.ts";
import { etagOf } from "../etag.ts";
import { readIdempotency } from "../idempotency.ts";
import { answerJson, type Route, route } from "../route.ts";
import { encodeSession, sessionSchema } from "./session-wire.ts";

export function titleRoutes({ titles, now, settings }: AppDeps): Route[] {
  return [
    route({
      method: "post",
      path: "/sessions/{id}/title",
      scope: "chat",
      operationId: "makeTitle",
      tag: "Sessions",
      summary: "Have a model make a title from the conversation",
      description:
        "By the cheapest model that the caller may use; it is shown at most 16 KB of the conversation: its beginning and its newest messages. It is billed as a further call, of purpose `title`, of the newest turn that is over, and waits for no running turn. Where somebody gives the session a title meanwhile, theirs stays. If it fails the old title stays, and what was called is billed.",
      params: { id: "session" },
      headers: { "Idempotency-Key": "The same key has one title made; one that failed is a new try" },
      responses: {
        200: {
          description: "The session with its title: one line, at most 80 characters",
          content: { "application/json": { schema: sessionSchema } },
          headers: { ETag: "The session's version" },
        },
      },
      errors: [
        "not_found",
        "forbidden",
        "conflict",
        "idempotency_mismatch",
        "invalid_request",
        "rate_limited",
        "unpriced_model",
        "budget_exceeded",
        "provider_rate_limited",
        "provider_error",
        "provider_refused_key",
        "model_not_found",
        "provider_unavailable",
        "provider_timeout",
        "draining",
        "storage_unavailable",
      ],
      async handler({ exchange, id }) {
        const { caller, owner } = exchange;
        const idempotency = readIdempotency(exchange, null, now() + settings.idempotencyMs);
        const session = await titles.make({
          owner,
          sessionId: id,
          models: caller.models,
          rate: askedRate(exchange),
          idempotency,
        });
        return answerJson(200, encodeSession(session), { etag: etagOf(session) });
      },
    }),
  ];
}
