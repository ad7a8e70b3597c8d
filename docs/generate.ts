// Writes the parts of the documents that follow from the code: the settings tables and .env.example.
// `npx bun docs/generate.ts` writes them; with `--check` it changes nothing and fails when one is out of date.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileFlagOf, flagOf, isSecret, type SettingName, settings } from "../src/config.ts";
import { settingsInUkrainian } from "./settings-uk.ts";

const begin = "<!-- settings: written by docs/generate.ts, from src/config.ts -->";
const end = "<!-- end of settings -->";
const names = Object.keys(settings) as SettingName[];

export interface Generated {
  path: string;
  /** As it is on disk; empty when there is no such file. */
  current: string;
  wanted: string;
}

/** Every file that is written here, as it is and as it must be. Throws when a document has lost its markers. */
export function generate(root: string): Generated[] {
  const english = tableOf(["Setting", "Default", "What it is"], (name) => settings[name].says);
  const ukrainian = tableOf(["Налаштування", "Типово", "Що це"], (name) => settingsInUkrainian[name]);
  return [
    withTable(root, "README.md", english),
    withTable(root, "README.uk.md", ukrainian),
    { path: ".env.example", current: readIfThere(join(root, ".env.example")), wanted: envExample() },
  ];
}

function tableOf(head: [string, string, string], says: (name: SettingName) => string): string {
  const row = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const rows = names.map((name) => {
    const { env, fallback } = settings[name];
    const names = isSecret(name) ? `\`${env}\` or \`${env}_FILE\`` : `\`${env}\``;
    return row([names, fallback === "" ? "" : `\`${fallback}\``, says(name).replaceAll("|", "\\|")]);
  });
  return [row(head), row(head.map(() => "---")), ...rows].join("\n");
}

function withTable(root: string, path: string, table: string): Generated {
  const current = readIfThere(join(root, path));
  const from = current.indexOf(begin);
  const to = current.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${path} has no place for the settings: ${begin} ... ${end}`);
  const wanted = `${current.slice(0, from + begin.length)}\n\n${table}\n\n${current.slice(to)}`;
  return { path, current, wanted };
}

/** Every setting, commented out at its default, so that a copy of the file changes nothing until a line is uncommented. */
function envExample(): string {
  const entries = names.map((name) => {
    const { env, fallback, says } = settings[name];
    const also = isSecret(name) ? `${env}_FILE or ${fileFlagOf(name)}: a file that holds it` : flagOf(name);
    return `# ${says}\n# Also ${also}.\n#${env}=${fallback}\n`;
  });
  return `# Copy this file to .env and uncomment what you need. Written by docs/generate.ts, from src/config.ts.\n\n${entries.join("\n")}`;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const stale = generate(root).filter(({ current, wanted }) => current !== wanted);
  const check = process.argv.includes("--check");
  for (const { path, wanted } of stale) {
    if (!check) writeFileSync(join(root, path), wanted);
    console.error(check ? `${path} is out of date; run: npx bun docs/generate.ts` : `${path} written`);
  }
  if (check && stale.length > 0) process.exit(1);
}
