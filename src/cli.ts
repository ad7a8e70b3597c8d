// The command line: data on stdout, talk on stderr, exit status 0 only on success.

import { fileFlagOf, flagOf, isSecret, type SettingName, settings } from "./config.ts";

const usage = `rozmova <command> [flags]

  serve            run the server (the default)
  emulator         run the Gemini emulator alone (--port 8001, --host 127.0.0.1)
  backup FILE      copy the SQLite database, also while the server runs
  restore FILE     put a backup in the database's place (stop the server first)
  export           print sessions as lines of JSON: [--project P] [--user U] [--session ID] [--trash] [--out FILE]
  import FILE      put such lines back: [--project P] [--copy]
  key create       make a key: --name N [--project P] [--scope chat,read] [--user U] [--operator]
  key list         list the keys, one a line
  key revoke ID    delete a key, by its id or the beginning of its secret
  verify           derive every receipt and every sum again, and name what differs; --seal HASH or FILE: seals kept elsewhere
  doctor           look for what is wrong: key, clock, disk, database, port
  config           print the settings in force, secrets masked
  --version        print the version
  --help           print this

Flags of every command but emulator, each also an environment variable or a line in .env:
${(Object.keys(settings) as SettingName[]).map(describeFlag).join("\n")}
`;

/** Every user of the machine sees the words of a command: of a secret the flag names the file. */
function describeFlag(name: SettingName): string {
  const flag = isSecret(name) ? fileFlagOf(name) : flagOf(name);
  const says = isSecret(name) ? `A file that holds ${settings[name].env}. ${settings[name].says}` : settings[name].says;
  return `  ${flag.padEnd(28)}${says}`;
}

const fileFaults: Record<string, string> = {
  ENOENT: "there is no such file or folder",
  EACCES: "this user may not read or write it",
  EISDIR: "it is a folder, not a file",
  EROFS: "it is on a disk that is read-only",
  ENOSPC: "the disk is full",
};

const [word = "serve", ...rest] = process.argv.slice(2);
const command = word.startsWith("--") && !["--help", "--version"].includes(word) ? "serve" : word;
const words = command === word ? rest : [word, ...rest];

try {
  await run(words.includes("--help") && command !== "emulator" ? "--help" : command, words);
} catch (cause) {
  // What the runtime says of a mistake in the code shows the place; of anything else our own sentence is enough.
  console.error(cause instanceof Error && !(cause instanceof AggregateError) ? explain(cause) : cause);
  // Under `npm run dev` the next change of the code is waited for.
  if (process.execArgv.includes("--watch")) process.exitCode = 1;
  else process.exit(1);
}

/** The system's words for a file that is not as it should be say what failed, and not what it means. */
function explain(cause: NodeJS.ErrnoException): string {
  const { code = "", path } = cause;
  const why = fileFaults[code];
  return why === undefined ? cause.message : `${path === undefined ? "" : `${path}: `}${why} (${code}).`;
}

/** Each command is loaded when it is asked for: `--version` needs no database. */
async function run(name: string, flags: string[]): Promise<void> {
  switch (name) {
    case "serve":
      return (await import("./command/serve.ts")).runServer(flags);
    case "emulator":
      await import("../emulator/main.ts");
      return;
    case "backup":
      return (await import("./command/backup.ts")).runBackup(...fileAndFlags(name, flags));
    case "restore":
      return (await import("./command/restore.ts")).runRestore(...fileAndFlags(name, flags));
    case "export":
      return (await import("./command/export.ts")).runExport(flags);
    case "import":
      return (await import("./command/import.ts")).runImport(flags);
    case "key":
      return (await import("./command/key.ts")).runKey(flags);
    case "verify":
      return (await import("./command/verify.ts")).runVerify(flags);
    case "doctor":
      return (await import("./command/doctor.ts")).runDoctor(flags);
    case "config":
      return (await import("./command/config.ts")).printConfig(flags);
    case "--version":
      return console.log((await import("./main.ts")).version);
    case "--help":
    case "help":
      return console.log(usage);
    default:
      throw new Error(`There is no command "${name}"; see --help.`);
  }
}

function fileAndFlags(name: string, given: string[]): [file: string, flags: string[]] {
  const [file, ...flags] = given;
  if (file === undefined || file.startsWith("--")) throw new Error(`Say which file: rozmova ${name} FILE [flags]`);
  return [file, flags];
}
