// Whom a request is for: `user` in its body, or X-Rozmova-User.

import { z } from "@hono/zod-openapi";
import { longestUser } from "../caller/user.ts";
import type { Exchange } from "./exchange.ts";
import { invalidRequest } from "./field-errors.ts";
import { textSchema } from "./native/fields.ts";

export const userHeader = "x-rozmova-user";
export const userHeaderName = "X-Rozmova-User";
export const userHeaderSays = "Whom it is for, as `user` in the body, which wins over it; in printable ASCII";
export const userHeaderPattern = "^[\\x21-\\x7e]([\\x20-\\x7e]{0,126}[\\x21-\\x7e])?$";
const allowed = new RegExp(userHeaderPattern);

export const userSchema = textSchema(longestUser).openapi({
  description: "Your own name for the person that this is for",
  example: "customer-17",
});
export const userOutSchema = z.string().nullable().openapi({ description: "Your own name for the person it is for" });

/** Who was named; undefined: nobody. Throws invalid_request for a header out of shape. */
export function readUser(exchange: Exchange, named: string | null | undefined): string | undefined {
  const header = exchange.header(userHeader);
  if (header !== undefined && !allowed.test(header))
    throw invalidRequest([
      { pointer: userHeaderName, detail: `must be 1 to ${longestUser} printable ASCII characters` },
    ]);
  return named ?? header;
}
