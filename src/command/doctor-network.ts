// The doctor on the key, the vendor, the clock, the port and the runtime's limits.

import { createServer } from "node:net";
import { type Config, isDemo, isLoopback, needsKey, settings } from "../config.ts";
import { createProvider } from "../providers/index.ts";
import { type Finding, note, ok, wrong } from "./finding.ts";

const waitMs = 10_000;
/** What is on this machine answers sooner, or is not ours. */
const waitHereMs = 2_000;
/** TLS, signatures and leases bear some minutes of difference, not more. */
const clockBearsMs = 5 * 60_000;
/** The day this was written: no clock that is right shows an earlier one. */
const earliestClock = Date.UTC(2026, 10, 23);

export function checkKey(config: Config): Finding {
  if (config.geminiApiKey !== null) return ok("key", `${settings.geminiApiKey.env} is set`);
  const remedy = `put ${settings.geminiApiKey.env}=<your key> into .env`;
  if (isDemo(config)) return note("key", `none, so the server runs in demo mode: no AI answers; ${remedy}`);
  return wrong("key", `none for ${config.geminiBaseUrl}`, remedy);
}

/** Asks the vendor for its models: shows that it can be reached, takes the key and offers the model that is set. */
export async function checkVendor(config: Config): Promise<Finding> {
  if (isDemo(config)) return note("vendor", "not asked: demo mode");
  if (config.geminiApiKey === null) return note("vendor", "not asked: there is no key");
  const provider = createProvider({ apiKey: config.geminiApiKey, baseUrl: config.geminiBaseUrl });
  try {
    const models = await provider.listModels(AbortSignal.timeout(waitMs));
    if (models.some((model) => model.id === config.geminiModel))
      return ok("vendor", `answers, takes the key, offers ${config.geminiModel}`);
    const offered = models.map((model) => model.id).join(", ");
    return wrong(
      "vendor",
      `does not offer ${config.geminiModel}`,
      `set ${settings.geminiModel.env} to one of: ${offered}`,
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return wrong(
      "vendor",
      `${config.geminiBaseUrl}: ${reason}`,
      "see that the key is right and the address can be reached",
    );
  }
}

/** The clock against the vendor's, where it can be asked, else against the day of this release. */
export async function checkClock(config: Config, now: number): Promise<Finding> {
  const shown = new Date(now).toISOString();
  const remedy = "set the clock (a time service such as chrony keeps it right): prices go by date";
  if (now < earliestClock) return wrong("clock", `says ${shown}, which is past`, remedy);
  const theirs = isDemo(config) ? undefined : await askTime(config.geminiBaseUrl);
  if (theirs === undefined) return ok("clock", `says ${shown}; there was nobody to compare it with`);
  const apart = Math.abs(now - theirs);
  if (apart > clockBearsMs)
    return wrong("clock", `says ${shown}, the vendor's ${new Date(theirs).toISOString()}`, remedy);
  return ok("clock", `says ${shown}, within ${Math.ceil(apart / 1000)} s of the vendor's`);
}

async function askTime(address: string): Promise<number | undefined> {
  try {
    const { headers } = await fetch(address, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(waitMs),
    });
    return Date.parse(headers.get("date") ?? "") || undefined;
  } catch {
    return undefined;
  }
}

/** Who gets in, by the settings alone. */
export function checkDoor(config: Config): Finding {
  const { host, allowedHosts } = config;
  if (needsKey(config)) return ok("door", `${host}: callers need a key`);
  if (isLoopback(host) && allowedHosts.length === 0) return ok("door", `${host}: this machine only`);
  return note("door", `${host}: everybody who reaches the port can read, write and spend`);
}

/** A port that is taken is only right when it is ours. */
export async function checkPort(config: Config): Promise<Finding> {
  if (config.port === 0) return ok("port", "any that is free");
  const fault = await tryPort(config.host, config.port);
  if (fault === undefined) return ok("port", `${config.port} is free`);
  if (fault !== "EADDRINUSE")
    return wrong(
      "port",
      `${config.host}:${config.port} cannot be listened on (${fault})`,
      "choose another HOST or PORT",
    );
  const mode = await askHealth(config);
  if (mode !== undefined) return ok("port", `${config.port}: Rozmova is running there (${mode})`);
  return wrong("port", `${config.port} is taken by another program`, "stop it, or choose another PORT");
}

function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (cause: NodeJS.ErrnoException) => resolve(cause.code ?? cause.message));
    server.listen({ host: host.replace(/^\[|\]$/g, ""), port, exclusive: true }, () =>
      server.close(() => resolve(undefined)),
    );
  });
}

async function askHealth(config: Config): Promise<string | undefined> {
  try {
    const host = config.host.includes(":") ? `[${config.host.replace(/^\[|\]$/g, "")}]` : config.host;
    const answer = await fetch(`http://${host}:${config.port}/healthz`, { signal: AbortSignal.timeout(waitHereMs) });
    const { mode } = (await answer.json()) as { mode?: unknown };
    return typeof mode === "string" ? `${mode} mode` : undefined;
  } catch {
    return undefined;
  }
}
