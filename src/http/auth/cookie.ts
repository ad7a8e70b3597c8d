// A key that the page was asked to remember: in a cookie that no script reads and that no other site's page sends along.

import { isSecret } from "../../caller/key.ts";
import type { Asked } from "../asked.ts";

const name = "rozmova_key";
/** How long a browser keeps it: 30 days, or as long as the key is good. */
const keptSeconds = 30 * 86_400;
/** RFC 6265bis, 4.1.2. Without Path it is for this address and what stands beside it, so that a prefix of a proxy's does no harm. */
const attributes = "HttpOnly; SameSite=Strict";

/** The secret that came in the cookie, if one did that could be a key. */
export function readCookie({ headers }: Asked): string | undefined {
  const cookies = headers.get("cookie");
  if (cookies === undefined) return undefined;
  for (const cookie of cookies.split(";")) {
    const at = cookie.indexOf("=");
    const value = cookie.slice(at + 1).trim();
    if (cookie.slice(0, at).trim() === name && isSecret(value)) return value;
  }
  return undefined;
}

/** The header that has a browser keep the key. Over https alone where the page came by https. */
export function printCookie(request: Asked, secret: string, expiresAt: number | null, now: number): string {
  const left = expiresAt === null ? keptSeconds : Math.min(keptSeconds, Math.floor((expiresAt - now) / 1000));
  return `${name}=${secret}; Max-Age=${Math.max(0, left)}; ${attributes}${secure(request)}`;
}

/** The header that has a browser drop it. */
export function printNoCookie(request: Asked): string {
  return `${name}=; Max-Age=0; ${attributes}${secure(request)}`;
}

function secure({ headers }: Asked): string {
  return headers.get("origin")?.startsWith("https:") ? "; Secure" : "";
}
