// Signing in: the page has the browser remember a key, and forget it.

import { z } from "@hono/zod-openapi";
import type { Auth } from "../../auth/auth.ts";
import { printCookie, printNoCookie } from "../../auth/cookie.ts";
import type { AppDeps } from "../../deps.ts";
import { bodyErrors, type Route, route } from "../../route.ts";
import { textSchema } from "../fields.ts";

const signInSchema = z
  .strictObject({ key: textSchema(200) })
  .openapi("SignIn", { example: { key: `rz-${"0".repeat(43)}` } });

const sayWho =
  "Only this server's own page may ask for it. A request with an `Authorization` of its own takes no notice of the cookie.";

export function signInRoutes({ now }: AppDeps, auth: Auth): Route[] {
  return [
    route({
      method: "post",
      path: "/sign-in",
      scope: "none",
      operationId: "signIn",
      tag: "Keys",
      summary: "Have the browser remember a key",
      description: `The key is kept for 30 days, or as long as it is good, in a cookie that no script reads (HttpOnly) and no other site's page sends (SameSite=Strict). ${sayWho}`,
      body: signInSchema,
      responses: { 204: { description: "Signed in", headers: { "Set-Cookie": "The key, for this browser alone" } } },
      errors: [...bodyErrors, "unauthenticated", "forbidden"],
      async handler({ exchange, body }) {
        const { expiresAt } = await auth.signIn(exchange.request, body.key);
        const cookie = printCookie(exchange.request, body.key, expiresAt, now());
        return { status: 204, headers: { "set-cookie": cookie, "cache-control": "no-store" }, body: null };
      },
    }),
    route({
      method: "delete",
      path: "/sign-in",
      scope: "none",
      operationId: "signOut",
      tag: "Keys",
      summary: "Have the browser forget the key",
      description: `The key stays what it is; deleting it is another matter. ${sayWho}`,
      responses: { 204: { description: "Signed out", headers: { "Set-Cookie": "An empty one" } } },
      errors: ["forbidden"],
      handler({ exchange }) {
        auth.requireOwnPage(exchange.request);
        const cookie = printNoCookie(exchange.request);
        return { status: 204, headers: { "set-cookie": cookie, "cache-control": "no-store" }, body: null };
      },
    }),
  ];
}
