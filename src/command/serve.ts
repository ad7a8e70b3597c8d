// `rozmova serve`: the server until a signal ends it.

import { demoHint, fileFlagOf, flagOf, isSecret, loadConfig, type SettingName, settings } from "../config.ts";
import { serve, version } from "../main.ts";
import { findStrays } from "./doctor-files.ts";

/** Starts the server and says where it is; returns while it runs. */
export async function runServer(flags: string[]): Promise<void> {
  const config = loadConfig(flags);
  for (const name of secretsInFlags(flags))
    console.error(
      `WARNING: every user of this machine can read ${flagOf(name)} in the list of processes; use ${fileFlagOf(name)}, ${settings[name].env} or .env.`,
    );
  for (const name of findStrays())
    console.error(`WARNING: .env has ${name}, which no setting is named; it is not read.`);
  const server = await serve(config);
  console.error(`Rozmova ${version} listens on ${server.url}  (API documentation: ${server.url}/docs)`);
  if (server.mode === "demo") console.error(`DEMO MODE. ${demoHint}`);
  if (server.lacksKey) console.error(firstKeyHint);
  if (server.lacksPrice)
    console.error(
      `WARNING: no price is known for ${settings.geminiModel.env}=${config.geminiModel}: messages that name no other model are answered 422. See docs/prices.md, or set ${settings.allowUnpriced.env}=yes.`,
    );
  if (config.insecureNoAuth) console.error("WARNING: no key is asked of anybody who reaches this port.");
  stopOnSignal(() => server.stop());
  void server.lost.then(endLost);
}

/** Long enough for whoever is under way, and /readyz, to be told. */
const lastWordsMs = 2_000;

/** A process that can store nothing makes room for one that may: whoever watches over it sees an end that is not in good order. */
function endLost(why: string): void {
  console.error(why);
  process.exitCode = 1;
  setTimeout(() => process.exit(1), lastWordsMs);
}

const firstKeyHint =
  "NO KEY YET: every request is answered 401 until there is one. Make it beside the running server, with the same DATABASE_URL:\n" +
  "  npm run rozmova -- key create --name first --scope chat,read,admin";

/** A database's address is a secret only with a password in it. */
function secretsInFlags(flags: string[]): SettingName[] {
  const given = (name: SettingName) => {
    const at = flags.findIndex((word) => word === flagOf(name) || word.startsWith(`${flagOf(name)}=`));
    return at === -1 ? "" : flags[at]!.includes("=") ? flags[at]! : (flags[at + 1] ?? "");
  };
  return (Object.keys(settings) as SettingName[]).filter(
    (name) => isSecret(name) && given(name) !== "" && !/^(--database-url=)?sqlite:/.test(given(name)),
  );
}

/** A service manager tells every process of a group, and npm and bin/rozmova.mjs pass on what they were told: one signal arrives up to three times. */
const sameSignalMs = 500;

/** The first signal ends the server in good order, a second one at once; recovery at the next start does the rest. */
function stopOnSignal(stop: () => Promise<void>): void {
  let firstAt: number | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (firstAt !== undefined) {
        if (performance.now() - firstAt > sameSignalMs) process.exit(1);
        return;
      }
      firstAt = performance.now();
      console.error("Stopping: running answers may finish; a second signal stops at once.");
      stop().then(
        () => process.exit(process.exitCode ?? 0),
        (cause) => {
          console.error(cause);
          process.exit(1);
        },
      );
    });
  }
}
