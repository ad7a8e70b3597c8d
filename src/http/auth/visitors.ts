// Who may call without a key: whoever names this server by an address or by a name it was told, but no page of another site.

import { AppError } from "../../errors.ts";
import type { Asked } from "../asked.ts";

/** An address cannot be pointed elsewhere by whoever owns a domain. Any port, since forwarding one (ssh -L) must work. */
const address = /^(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const port = /:\d{1,5}$/;
const shownCharacters = 100;

export class Visitors {
  /** In small letters; with a port where it was given one. */
  readonly #allowed: ReadonlySet<string>;

  constructor(allowedHosts: readonly string[]) {
    this.#allowed = new Set(allowedHosts);
  }

  /**
   * Throws forbidden for a request that names a foreign host (DNS rebinding: a page's own domain that suddenly points here)
   * and for one that a page of another site made. Following a link to the page or the docs is allowed.
   */
  check({ method, headers }: Asked): void {
    const host = headers.get("host");
    if (!this.#isOurs(host)) throw foreignHost(host);
    const origin = headers.get("origin");
    if (origin !== undefined && !this.#isOwnOrigin(origin, host)) throw crossSite();
    const site = headers.get("sec-fetch-site");
    if (site === undefined || site === "same-origin" || site === "none") return;
    const isLinkFollowed = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
    if ((method !== "GET" && method !== "HEAD") || !isLinkFollowed) throw crossSite();
  }

  #isOurs(host: string | undefined): host is string {
    return host !== undefined && (address.test(host) || this.#isAllowed(host));
  }

  #isAllowed(host: string): boolean {
    const small = host.toLowerCase();
    return this.#allowed.has(small) || this.#allowed.has(small.replace(port, ""));
  }

  /** Its own host, or one it was told: a proxy in front may rewrite Host. */
  #isOwnOrigin(origin: string, host: string): boolean {
    if (!URL.canParse(origin)) return false;
    const { protocol, host: from } = new URL(origin);
    const own = `${protocol}//${host}`;
    return (URL.canParse(own) && new URL(own).host === from) || (from !== "" && this.#isAllowed(from));
  }
}

function foreignHost(host: string | undefined): AppError {
  const shown =
    host === undefined ? "The request names no host" : `"${host.slice(0, shownCharacters)}" is none of them`;
  return new AppError(
    "forbidden",
    `This server answers to localhost, to an IP address, and to the names in the setting ALLOWED_HOSTS. ${shown}.`,
  );
}

function crossSite(): AppError {
  return new AppError(
    "forbidden",
    "A page of another site made this request; only this server's own page may, and those of the names in the setting ALLOWED_HOSTS.",
  );
}
