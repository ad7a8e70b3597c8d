// The command line: data on stdout, talk on stderr, exit status 0 only on success.

import { flagOf, loadConfig, type SettingName, settings } from "./config.ts";
import { serve, version } from "./main.ts";

const usage = `rozmova <command> [flags]

  serve            run the server (the default)
  emulator         run the Gemini emulator alone (--port 8001, --host 127.0.0.1)
  backup FILE      copy the SQLite database, also while the server runs
  restore FILE     put a backup in the database's place (stop the server first)
  doctor           look for what is wrong: key, clock, disk, database, port
  config           print the settings in force, secrets masked
  --version        print the version
  --help           print this

Flags of serve, each also an environment variable or a line in .env:
${(Object.keys(settings) as SettingName[]).map((name) => `  ${flagOf(name).padEnd(28)}${settings[name].says}`).join("\n")}
`;

const [word = "serve", ...rest] = process.argv.slice(2);
const command = word.startsWith("--") && !["--help", "--version"].includes(word) ? "serve" : word;
const words = command === word ? rest : [word, ...rest];

try {
  await run(command, words);
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : String(cause));
  process.exit(1);
}

async function run(name: string, flags: string[]): Promise<void> {
  switch (name) {
    case "serve":
      return runServer(flags);
    case "emulator":
      await import("../emulator/main.ts");
      return;
    case "--version":
      console.log(version);
      return;
    case "--help":
    case "help":
      console.log(usage);
      return;
    default:
      throw new Error(`There is no command "${name}"; see --help.`);
  }
}

async function runServer(flags: string[]): Promise<void> {
  const config = loadConfig(flags);
  const server = await serve(config);
  console.error(`Rozmova ${version} listens on ${server.url}  (API documentation: ${server.url}/docs)`);
  if (server.mode === "demo") {
    console.error(
      "DEMO MODE: no AI is answering. The bundled emulator of the Gemini API is.\n" +
        "Put GEMINI_API_KEY=<your key> into a file named .env in this folder and start again.",
    );
  }
  if (config.insecureNoAuth) console.error("WARNING: no key is asked of anybody who reaches this port.");
  stopOnSignal(() => server.stop());
}

/** The first signal ends the server in good order, a second one at once; recovery at the next start does the rest. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      console.error("Stopping: running answers may finish; a second signal stops at once.");
      stop().then(
        () => process.exit(0),
        (cause) => {
          console.error(cause);
          process.exit(1);
        },
      );
    });
  }
}
