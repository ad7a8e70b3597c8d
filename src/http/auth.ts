// Who may call: on loopback, whoever uses this machine, but no web page of another site that runs in its browser.

import { AppError } from "../errors.ts";

/** Names that always mean this machine. Any port: forwarding one (ssh -L) must work. */
const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/**
 * Throws forbidden for a request that names a foreign host (DNS rebinding: a page's own domain that suddenly points to
 * 127.0.0.1) and for one that a page of another site made. Following a link to the page or the docs is allowed.
 */
export function checkVisitor(request: Request): void {
  const { headers } = request;
  const host = headers.get("host") ?? new URL(request.url).host;
  if (!loopbackHost.test(host))
    throw new AppError("forbidden", "This server answers only to localhost, 127.0.0.1 and [::1].");
  const origin = headers.get("origin");
  if (origin !== null && !isSameHost(origin, host)) throw crossSite();
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "same-origin" || site === "none") return;
  const isLinkFollowed = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  if (request.method !== "GET" || !isLinkFollowed) throw crossSite();
}

function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

function crossSite(): AppError {
  return new AppError("forbidden", "A page of another site made this request; only this server's own page may.");
}
