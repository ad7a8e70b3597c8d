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
    only: /^src\/(http\/server\/socket|providers\/http\/socket)\.ts$/,
  },
];

/** Packages that belong to one place; elsewhere in src/, emulator/ and web/ they are foreign. */
const packages: { pattern: RegExp; only: RegExp }[] = [
  { pattern: /^(hono|@hono)(\/|$)/, only: /^src\/http\// },
  { pattern: /^(pg|node:sqlite)(\/|$)/, only: /^src\/database\// },
  { pattern: /^jose$/, only: /^src\/http\/auth\// },
  { pattern: /^@google\//, only: /^src\/providers\// },
  { pattern: /^eventsource-parser(\/|$)/, only: /^(src\/providers|web)\// },
];

/** What must never stand on what: a check that shares code with what it checks repeats its mistakes. */
const apart: { home: RegExp; from: RegExp }[] = [
  {
    home: /^src\/(money\/verify\/|database\/money\/(verify-read\.ts$|check\/))/,
    from: /^src\/(money\/(bill|receipt|price|price-row|rates|when|usage|tokens|ledger|money)\.ts$|providers\/|database\/money\/(usage|budget|hold|ledger))/,
  },
];

/** The files that put the house together, and so may enter every room. */
const assembly = /^src\/(command\/.+|main\.ts|cli\.ts)$/;
/** The nouns' rooms, and which others each may enter. The rooms at the edge may enter all of these, and no room of the edge. */
const nouns: Record<string, readonly string[]> = {
  turn: ["conversation", "money", "model", "caller"],
  conversation: ["money", "model"],
  model: [],
  money: [],
  caller: [],
};
const linesAllowed = 400;
const pageLinesAllowed = 300;
const rootFilesAllowed = 12;
const roomFilesAllowed = 18;

/** One sentence for each violation; empty when the borders hold. */
export function findViolations(files: readonly SourceFile[]): string[] {
  const found = [...crowded(files), ...circles(files)];
  for (const { path, text } of files) {
    const lines = text.split("\n").length - 1;
    const most = path.startsWith("web/") ? pageLinesAllowed : linesAllowed;
    if (lines > most) found.push(`${path} has ${lines} lines, more than ${most}`);
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
  if (apart.some(({ home, from: other }) => home.test(path) && other.test(target)))
    return [`${path} imports ${target}`];
  const allowed = place === "src" ? mayEnter(path, target, typesOnly) : target.startsWith(`${place}/`);
  // Every place may ask package.json for the version.
  return allowed || target === "package.json" ? [] : [`${path} imports ${target}`];
}

function mayEnter(path: string, target: string, typesOnly: boolean): boolean {
  if (!target.startsWith("src/") || assembly.test(target)) return false;
  const [home, room] = [roomOf(path), roomOf(target)];
  if (room === "" || room === home) return true;
  // The doors in the root are made of the nouns' shapes; nothing in the root runs what is in a room.
  if (home === "") return typesOnly && room in nouns;
  return room in nouns && (nouns[home]?.includes(room) ?? true);
}

/** "http" for src/http/native/turn.ts, "" for src/store.ts. */
function roomOf(path: string): string {
  return path.split("/").slice(1, -1)[0] ?? "";
}

/** Folders of src/ that hold more files than a reader can keep in mind. */
function crowded(files: readonly SourceFile[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of files) {
    const folder = posix.dirname(path);
    if (/^(src|web)(\/|$)/.test(folder)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].flatMap(([folder, count]) => {
    const most = folder === "src" ? rootFilesAllowed : roomFilesAllowed;
    // One for each version that the schema has had: a list, which only grows.
    if (folder === "src/database/migrations") return [];
    return count > most ? [`${folder} has ${count} files, more than ${most}`] : [];
  });
}

/** Files that import each other, directly or by way of others; types count too. Each circle once. */
function circles(files: readonly SourceFile[]): string[] {
  const imports = new Map<string, string[]>();
  for (const { path, text } of files) {
    if (!/^(src|emulator|web)\//.test(path)) continue;
    const targets = importsOf(text).filter(({ from }) => from.startsWith("."));
    imports.set(
      path,
      targets.map(({ from }) => posix.join(posix.dirname(path), from)),
    );
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at !== -1) found.push(`in a circle: ${[...way.slice(at), path].join(" -> ")}`);
    if (at !== -1 || done.has(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
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
