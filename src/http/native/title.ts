// A session's title, made by a model.

import { askedRate } from "../auth/rate.ts";
import type { AppDeps } from "../deps.ts";
import { readIdempotency } from "../idempotency.ts";
import { callErrors, type Route, route } from "../route.ts";
import { answerSession, oneSession } from "./session.ts";

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
        200: oneSession("The session with its title: one line, at most 80 characters"),
      },
      errors: [
        "not_found",
        "forbidden",
        "conflict",
        "idempotency_mismatch",
        "invalid_request",
        "rate_limited",
        ...callErrors,
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
        return answerSession(200, session);
      },
    }),
  ];
}
