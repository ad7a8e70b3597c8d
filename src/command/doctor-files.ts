// The doctor on who else may read what is secret: the key in .env, the conversations in the database.

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseEnv } from "node:util";
import { type Config, dotEnvFile, isSecret, type SettingName, settings } from "../config.ts";
import { sqliteFile } from "../database/inspect.ts";
import { type Finding, note, ok, wrong } from "./finding.ts";

/** A key or a password in `.env` that other users of this machine can read. */
export function checkDotEnv(): Finding {
  if (!existsSync(dotEnvFile)) return ok("secrets", "there is no .env");
  const given = parseEnv(readFileSync(dotEnvFile, "utf8"));
  const secrets = (Object.keys(settings) as SettingName[]).filter(
    (name) => isSecret(name) && given[settings[name].env],
  );
  if (secrets.length === 0) return ok("secrets", "none in .env");
  const names = secrets.map((name) => settings[name].env).join(", ");
  if (!isOpen(dotEnvFile)) return ok("secrets", `.env holds ${names}, for this user alone`);
  return wrong("secrets", `.env holds ${names}, and others on this machine can read it`, "chmod 600 .env");
}

/** A name in `.env` that no setting has, and that nothing reads: most often a slip of the pen. */
export function findStrays(): string[] {
  if (!existsSync(dotEnvFile)) return [];
  const known = new Set(Object.values(settings).flatMap(({ env }) => [env, `${env}_FILE`]));
  return Object.keys(parseEnv(readFileSync(dotEnvFile, "utf8"))).filter((name) => !known.has(name));
}

/** Conversations that other users of this machine can read. */
export function checkPrivacy(config: Config): Finding {
  const file = sqliteFile(config.databaseUrl);
  if (file === undefined) return note("privacy", "the database is elsewhere; its files were not looked at");
  if (!existsSync(file)) return ok("privacy", "the start makes the database for this user alone");
  if (isOpen(file) && isOpen(dirname(resolve(file))))
    return note("privacy", `others on this machine can read ${file}; chmod 700 ${dirname(file)} keeps them out`);
  return ok("privacy", `${file} is this user's alone`);
}

/** Windows keeps other lists of who may read what. */
function isOpen(path: string): boolean {
  return process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
}
