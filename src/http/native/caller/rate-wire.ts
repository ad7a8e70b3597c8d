// A key's limits on the wire.

import { z } from "@hono/zod-openapi";

/** Nobody comes near them; a sum of them is a whole number still. */
const most = { requests: 1_000_000, tokens: 1_000_000_000, turns: 10_000 };

const limits = {
  requests_per_minute: z.int().min(1).max(most.requests).optional().openapi({
    description:
      "Every request of the API that is made with the key or a token of it, whatever its answer; health, files and documents are none",
  }),
  tokens_per_minute: z.int().min(1).max(most.tokens).optional().openapi({
    description:
      "Of turns: what goes in and what comes out. A turn counts in the minute in which it begins: as estimated then, as billed once it is over",
  }),
  concurrent_turns: z.int().min(1).max(most.turns).optional().openapi({ description: "Turns that run at once" }),
};

export const rateSchema = z
  .strictObject({
    ...limits,
    per_user: z.strictObject(limits).optional().openapi({
      description:
        "The same for each user that the key acts for, beside the key's own. The user of a request: whom the key or token is bound to, else `user` in the body, else X-Rozmova-User; of a turn: else whom the session is for",
    }),
  })
  .openapi("Rate", {
    description:
      "What the key may ask for; what is left out is not limited. A minute begins with the first request after the last one is over. Past a limit: 429 `rate_limited` with `Retry-After`; answers carry `RateLimit` and `RateLimit-Policy`",
    example: { requests_per_minute: 60, tokens_per_minute: 100_000, per_user: { concurrent_turns: 2 } },
  });
