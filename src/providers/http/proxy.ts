// Which proxy is on the way to an address: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as curl reads them (https://curl.se/docs/manpage.html, read 2026-11-27).

/** What the environment says; null where it says nothing. */
export interface ProxySettings {
  http: string | null;
  https: string | null;
  /** Hosts that are reached without one, separated by commas; "*" is all of them. */
  except: string | null;
}

export interface ProxyAddress {
  host: string;
  port: number;
  /** The header's value, where the proxy's address has a name and a password. */
  authorization: string | null;
}

/** Null where the address is reached directly. Throws with a sentence for the operator where a proxy's address is none. */
export function chooseProxy(target: URL, settings: ProxySettings): ProxyAddress | null {
  const isTls = target.protocol === "https:";
  const given = isTls ? settings.https : settings.http;
  if (given === null || isExcepted(target, settings.except ?? "")) return null;
  const name = isTls ? "HTTPS_PROXY" : "HTTP_PROXY";
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`);
  if (url === null) throw new Error(`${name}: this is no address of a proxy (http://host:port)`);
  // TLS inside TLS hangs on Bun 1.4.5 (tried 2026-11-27), and a proxy that wants it is rare.
  if (url.protocol !== "http:")
    throw new Error(`${name}: a proxy is spoken to by http here, not by ${url.protocol.slice(0, -1)}`);
  return {
    host: bare(url.hostname),
    port: Number(url.port || 80),
    authorization: url.username === "" ? null : `Basic ${btoa(`${decode(url.username)}:${decode(url.password)}`)}`,
  };
}

/** A name stands for itself and for what is below it, with or without a dot in front; a port narrows it. */
function isExcepted(target: URL, list: string): boolean {
  const host = bare(target.hostname).toLowerCase();
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", wantedPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    const wanted = bare(name).replace(/^\*?\./, "");
    if (wanted === "" || (wantedPort !== undefined && wantedPort !== port)) return false;
    return host === wanted || host.endsWith(`.${wanted}`);
  });
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** Of a name or a password, to be written in Latin letters; one that is not encoded right is taken as it is. */
function decode(text: string): string {
  try {
    return Buffer.from(decodeURIComponent(text)).toString("latin1");
  } catch {
    return text;
  }
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
