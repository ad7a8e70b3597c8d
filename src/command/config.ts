// `rozmova config`: the settings in force, one line each, and where each came from; secrets masked.

import {
  ConfigError,
  gatherSources,
  isSecret,
  type ResolvedSetting,
  readConfig,
  resolveSettings,
  settings,
} from "../config.ts";

const mask = "********";

/** Prints lines that a `.env` file could hold. Throws ConfigError as the server's start would. */
export function printConfig(flags: string[]): void {
  const sources = gatherSources(flags);
  readConfig(sources);
  const mistakes: string[] = [];
  const lines = resolveSettings(sources, mistakes).map(describe);
  if (mistakes.length > 0) throw new ConfigError(mistakes.join("\n"));
  const width = Math.max(...lines.map(({ assignment }) => assignment.length));
  for (const { assignment, origin } of lines) console.log(`${assignment.padEnd(width)}  # ${origin}`);
}

function describe({ name, value, origin, file }: ResolvedSetting): { assignment: string; origin: string } {
  const { env } = settings[name];
  if (file !== undefined) return { assignment: `${env}_FILE=${file}`, origin };
  return { assignment: `${env}=${maskValue(value, isSecret(name))}`, origin };
}

/** A value as it may be shown: of a secret nothing but, if it is an address, the address without its password. */
function maskValue(value: string, secret: boolean): string {
  if (value === "" || value.startsWith("sqlite:")) return value;
  if (!/^[a-z]+:\/\//.test(value) || !URL.canParse(value)) return secret ? mask : value;
  const address = new URL(value);
  if (address.password !== "") address.password = mask;
  for (const name of address.searchParams.keys())
    if (/password|key|secret|token/i.test(name)) address.searchParams.set(name, mask);
  return address.href === new URL(value).href ? value : address.href;
}
