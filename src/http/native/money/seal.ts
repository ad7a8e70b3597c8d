// The newest seal of the ledger's chain, for whoever keeps it where this server cannot change it.

import { z } from "@hono/zod-openapi";
import { AppError } from "../../../errors.ts";
import { firstHash, type Seal } from "../../../money/verify/seal.ts";
import type { AppDeps } from "../../deps.ts";
import { answerJson, jsonAnswer, type Route, route } from "../../route.ts";
import { count, printTime, timeSchema } from "../../wire.ts";

const sealSchema = z
  .object({
    sealed_at: timeSchema.nullable().openapi({ description: "Null while nothing is sealed yet" }),
    entries: count.openapi({
      description: "How many calls are sealed: the caller's project's, or for an operator all",
    }),
    last_entry_id: z
      .string()
      .max(64)
      .nullable()
      .openapi({ description: "The last of these: its turn's id, and its number in the turn's receipt" }),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .openapi({
        description: "Of the whole chain: it follows from every call that was sealed before, of any project",
      }),
  })
  .openapi("Seal", {
    example: {
      sealed_at: "2026-11-23T09:30:06.000Z",
      entries: 1_204,
      last_entry_id: "01939c5e-7c44-7a10-8b11-1a2b3c4d5e6f/1",
      hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
  });

function encodeSeal(seal: Seal | undefined): z.infer<typeof sealSchema> {
  return {
    sealed_at: seal ? printTime(seal.sealedAt) : null,
    entries: seal?.entries ?? 0,
    last_entry_id: seal?.lastEntry || null,
    hash: seal?.hash ?? firstHash,
  };
}

export function sealRoutes({ store }: AppDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/ledger/seal",
      scope: "admin",
      operationId: "getSeal",
      tag: "Server",
      summary: "Read the newest seal of the books, to keep elsewhere",
      description:
        "Every call that was booked is chained to all before it by SHA-256. Whoever keeps a seal can have `rozmova verify --seal` look whether it is still in the chain: nothing that it sealed was altered since.",
      responses: { 200: jsonAnswer("The seal", sealSchema) },
      errors: ["storage_unavailable"],
      async handler({ exchange }) {
        const { project, user, scopes } = exchange.caller;
        if (user !== null)
          throw new AppError("forbidden", "The books are not one user's: this needs a key that is bound to none.");
        const seal = await store.findSeal(scopes.includes("operator") ? undefined : project);
        return answerJson(200, encodeSeal(seal), { "cache-control": "no-store" });
      },
    }),
  ];
}
