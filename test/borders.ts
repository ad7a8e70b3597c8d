// The house's borders as data, and the checker that holds files against them.

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface SourceFile {
  /** From the project's folder, with `/`. */
  path: string;
  text: string;
}

/** What may stand only in some places of src/, and where. */
const words: { what: string; pattern: RegExp; only: RegExp }[] = [
  {
    what: "reads the environment",
    pattern: /\bprocess\.env\b|\bBun\.env\b/,
    only: /^src\/config\.ts$/,
  },
  {
    what: "names a vendor",
    pattern: /gemini|google|anthropic/i,
    only: /^src\/(providers\/|command\/|(config|main|cli)\.ts$)/,
  },
  // In http/ it is a wire that others' clients speak, not a vendor of ours.
  { what: "names a vendor", pattern: /openai/i, only: /^src\/(providers|http)\// },
  {
    what: "uses Bun's own API",
    pattern: /\bBun\.[a-zA-Z]|["']bun(:[a-z]+)?["']/,
    only: /^src\/(http\/listen|providers\/http\/socket)\.ts$/,
  },
];

/** Packages that belong to one place; elsewhere in src/, emulator/ and web/ they are foreign. */
const packages: { pattern: RegExp; only: RegExp }[] = [
  { pattern: /^(hono|@hono)(\/|$)/, only: /^src\/http\// },
  { pattern: /^(pg|node:sqlite)(\/|$)/, only: /^src\/database\// },
  { pattern: /^@google\//, only: /^src\/providers\// },
  { pattern: /^eventsource-parser(\/|$)/, only: /^(src\/providers|web)\// },
];

/** The files that put the house together, and so may enter every room. */
const assembly = /^src\/(command\/.+|main\.ts|cli\.ts)$/;
const linesAllowed = 400;

/** One sentence for each violation; empty when the borders hold. */
export function findViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const { path, text } of files) {
    const lines = text.split("\n").length - 1;
    if (lines > linesAllowed) found.push(`${path} has ${lines} lines, more than ${linesAllowed}`);
    if (/^(src|emulator|web)\//.test(path)) for (const target of importsOf(text)) found.push(...foreign(path, target));
    if (!path.startsWith("src/")) continue;
    for (const { what, pattern, only } of words)
      if (pattern.test(text) && !only.test(path)) found.push(`${path} ${what}: ${pattern.exec(text)![0]}`);
  }
  return found;
}

interface Import {
  from: string;
  typesOnly: boolean;
}

function foreign(path: string, { from, typesOnly }: Import): string[] {
  // The page may know the server's shapes: a type is gone before anything runs.
  if (typesOnly && path.startsWith("web/")) return [];
  if (!from.startsWith("."))
    return packages.some(({ pattern, only }) => pattern.test(from) && !only.test(path))
      ? [`${path} imports ${from}`]
      : [];
  if (assembly.test(path)) return [];
  const target = posix.join(posix.dirname(path), from);
  const place = path.split("/")[0]!;
  const home = place === "src" ? roomOf(path) : place;
  const allowed =
    place === "src"
      ? target.startsWith("src/") && !assembly.test(target) && ["", home].includes(roomOf(target))
      : target.startsWith(`${place}/`);
  // Every place may ask package.json for the version.
  return allowed || target === "package.json" ? [] : [`${path} imports ${target}`];
}

/** "http" for src/http/app.ts, "" for src/turn/running.ts. */
function roomOf(path: string): string {
  return path.split("/").slice(1, -1)[0] ?? "";
}

function importsOf(text: string): Import[] {
  const pattern = /\b(?:(import|export)\s+(type\b)?[^"';]*?\bfrom|import\s*\(?|require\s*\()\s*["']([^"']+)["']/g;
  return [...text.matchAll(pattern)].map(([, , type, from]) => ({
    from: from!,
    typesOnly: type !== undefined,
  }));
}

const skipped = new Set(["node_modules", "dist", "peers", "fixtures"]);

/** Every source file of some folders of the project, tests' fixtures and what is installed or built left out. */
export function readSources(root: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry): SourceFile[] => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : readSources(root, [path]);
      return /\.(ts|tsx|mjs|js|css)$/.test(entry.name) ? [{ path, text: readFileSync(join(root, path), "utf8") }] : [];
    }),
  );
}
