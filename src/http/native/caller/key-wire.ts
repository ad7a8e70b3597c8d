// A key on the wire. Its secret is in one answer only.

import { z } from "@hono/zod-openapi";
import type { Key } from "../../../caller/key.ts";
import { scopes } from "../../../caller/scope.ts";
import type { KeyLimit } from "../../../money/budget-store.ts";
import { userOutSchema } from "../../user.ts";
import { idSchema, printTime, printTimeOrNull, timeSchema } from "../../wire.ts";
import { metadataSchema, modelSchema } from "../fields.ts";
import { encodeLimits, keyLimitsSchema } from "../money/budget-wire.ts";
import { rateSchema } from "./rate-wire.ts";

export const exampleKey = {
  id: "01939c5e-7a00-7b11-8c22-3d4e5f607182",
  object: "key" as const,
  project: "default",
  name: "the shop",
  prefix: "rz-Xk29aB",
  scopes: ["chat" as const, "read" as const],
  user: null,
  models: null,
  rate: null,
  limits: [],
  expires_at: null,
  disabled: false,
  created_at: "2026-11-23T09:00:00.000Z",
  last_used_at: "2026-11-23T09:30:00.000Z",
  metadata: {},
};

const shape = {
  id: idSchema,
  object: z.literal("key"),
  project: z.string(),
  name: z.string(),
  prefix: z.string().openapi({ description: "How the secret begins" }),
  scopes: z.array(z.enum(scopes)).openapi({
    description:
      "chat: send and change. read: look, search, follow. admin: the keys of the project. operator: everything; made by the command line only",
  }),
  user: userOutSchema.openapi({
    description: "Sees the sessions of this user alone; null: of everybody in the project",
  }),
  models: z.array(modelSchema).nullable().openapi({ description: "Answered by these alone; null: by any" }),
  rate: rateSchema.nullable(),
  limits: keyLimitsSchema,
  expires_at: timeSchema.nullable(),
  disabled: z.boolean(),
  created_at: timeSchema,
  last_used_at: timeSchema.nullable().openapi({ description: "Written down once a minute" }),
  metadata: metadataSchema,
};

export const keySchema = z.object(shape).openapi("Key", { example: exampleKey });
const exampleSecret = "rz-Xk29aBdEfGhIjKlMnOpQrStUvWxYz0123456789abcde";
export const madeKeySchema = z
  .object({ ...shape, secret: z.string().openapi({ description: "Shown now, and never again" }) })
  .openapi("MadeKey", { example: { ...exampleKey, last_used_at: null, secret: exampleSecret } });

export function encodeKey(key: Key, limits: readonly KeyLimit[] = []): z.infer<typeof keySchema> {
  return {
    id: key.id,
    object: "key",
    project: key.project,
    name: key.name,
    prefix: key.prefix,
    scopes: [...key.scopes],
    user: key.user,
    models: key.models && [...key.models],
    rate: key.rate,
    limits: encodeLimits(limits),
    expires_at: printTimeOrNull(key.expiresAt),
    disabled: key.disabled,
    created_at: printTime(key.createdAt),
    last_used_at: printTimeOrNull(key.lastUsedAt),
    metadata: key.metadata,
  };
}
