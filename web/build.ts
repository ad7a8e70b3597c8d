// Builds the page in memory (Bun) or reads what was built before (any runtime); the server serves the resulting map.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** One file as it is served. `immutable`: its name changes with its content, so it may be cached for ever. */
export interface PageFile {
  type: string;
  body: Uint8Array;
  immutable: boolean;
  /** The same, compressed, where that is worth it. */
  gzip?: Uint8Array;
}

/** Path, beginning with a slash, to file. `/` is the page itself. */
export type Page = Map<string, PageFile>;

const here = import.meta.dirname;
const dist = join(here, "dist");

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/manifest+json",
  woff2: "font/woff2",
};

/** Sheets in the order they apply. */
const sheets = [
  "base",
  "layout",
  "note",
  "sidebar",
  "foot",
  "list",
  "conversation",
  "find",
  "message",
  "versions",
  "composer",
  "prose",
  "code",
  "inspector",
  "receipt",
  "settings",
  "dialog",
  "rooms/room",
  "rooms/form",
  "rooms/budget",
  "rooms/usage",
  "media",
];

function fileOf(name: string, body: Uint8Array | string, immutable: boolean): PageFile {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const type = types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  const gzip = gzipSync(bytes, { level: 9 });
  return { type, body: bytes, immutable, ...(gzip.length < bytes.length ? { gzip: new Uint8Array(gzip) } : {}) };
}

function hashOf(body: string | Uint8Array): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 8);
}

/** Bundles the page: minified, split so that code colours load only when needed. Needs Bun; throws Error if it fails. */
export async function buildPage(): Promise<Page> {
  const built = await Bun.build({
    entrypoints: [join(here, "main.tsx"), join(here, "prose/worker.ts")],
    target: "browser",
    format: "esm",
    splitting: true,
    minify: true,
    naming: { entry: "[name]-[hash].[ext]", chunk: "[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const page: Page = new Map();
  const places: Record<string, string> = {};
  for (const output of built.outputs) {
    const name = basename(output.path);
    if (output.kind === "entry-point") places[name.startsWith("worker-") ? "reader" : "script"] = `assets/${name}`;
    page.set(`/assets/${name}`, fileOf(name, new Uint8Array(await output.arrayBuffer()), true));
  }
  const add = (name: string, body: string | Uint8Array): string => {
    const [stem, extension] = name.split(".");
    const path = `assets/${stem}-${hashOf(body)}.${extension}`;
    page.set(`/${path}`, fileOf(name, body, true));
    return path;
  };
  const source = (name: string) => readFile(join(here, name), "utf8");
  const css = await Promise.all(sheets.map((sheet) => source(`css/${sheet}.css`)));
  places.style = add("page.css", shrinkCss(css.join("\n")));
  places.katex = add("formulas.css", await formulaStyles(add));
  places.icon = add("icon.svg", await source("icon.svg"));
  places.manifest = add("manifest.json", (await source("manifest.json")).replace("%icon%", basename(places.icon)));
  let html = await source("index.html");
  for (const [place, path] of Object.entries(places)) html = html.replace(`%${place}%`, path);
  page.set("/", fileOf("index.html", html, false));
  page.set("/sw.js", fileOf("sw.js", await buildKeeper(page, places), false));
  return page;
}

/** The service worker: it must stand beside the page and keep its name, so its edition is written into it. */
async function buildKeeper(page: Page, places: Record<string, string>): Promise<string> {
  const lazy = /(?:katex|colours|KaTeX)/;
  const chunks = [...page.keys()]
    .filter((path) => path.endsWith(".js") && !lazy.test(path))
    .map((path) => path.slice(1));
  const shell = ["./", ...new Set([...chunks, ...Object.values(places).filter((path) => !path.includes("formulas"))])];
  const built = await Bun.build({
    entrypoints: [join(here, "offline/sw.ts")],
    target: "browser",
    format: "iife",
    minify: true,
    define: { shell: JSON.stringify(shell), edition: JSON.stringify(hashOf(shell.join("\n"))) },
  });
  return (await built.outputs[0]?.text()) ?? "";
}

/** KaTeX's own sheet with its fonts in the one format that every browser of today reads. */
async function formulaStyles(add: (name: string, body: Uint8Array) => string): Promise<string> {
  const katex = dirname(fileURLToPath(import.meta.resolve("katex/dist/katex.min.css")));
  let css = (await readFile(join(katex, "katex.min.css"), "utf8")).replace(
    /,url\([^)]*\) format\("(?:woff|truetype)"\)/g,
    "",
  );
  for (const [whole, name = ""] of css.matchAll(/url\(fonts\/([\w-]+\.woff2)\)/g))
    css = css.replace(whole, `url(${basename(add(name, await readFile(join(katex, "fonts", name))))})`);
  return css;
}

/** Comments and indentation go; nothing else is touched, so that the browser gets the style sheet as it was written. */
function shrinkCss(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s*\n\s*/g, "\n")
    .trim();
}

interface Listing {
  [path: string]: { file: string; type: string; immutable: boolean };
}

/** The page for the server: bundled now where the runtime can (0.1 s), read from `web/dist` elsewhere. */
export function loadPage(): Promise<Page> {
  return typeof Bun === "undefined" ? readPage() : buildPage();
}

/** Reads the page built earlier by `bun web/build.ts`. Throws Error if it is missing. */
export async function readPage(): Promise<Page> {
  let listing: Listing;
  try {
    listing = JSON.parse(await readFile(join(dist, "page.json"), "utf8")) as Listing;
  } catch (cause) {
    throw new Error(`The page is not built: ${dist} has no page.json. Build it once with: bun web/build.ts`, { cause });
  }
  const page: Page = new Map();
  for (const [path, { file, type, immutable }] of Object.entries(listing)) {
    const body = new Uint8Array(await readFile(join(dist, file)));
    page.set(path, { ...fileOf(file, body, immutable), type });
  }
  return page;
}

async function writePage(page: Page): Promise<void> {
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) await rm(join(dist, name));
  const listing: Listing = {};
  for (const [path, { type, body, immutable }] of page) {
    const file = path === "/" ? "index.html" : path.slice(path.lastIndexOf("/") + 1);
    listing[path] = { file, type, immutable };
    await writeFile(join(dist, file), body);
  }
  await writeFile(join(dist, "page.json"), `${JSON.stringify(listing, null, 2)}\n`);
}

if (import.meta.main) {
  const page = await buildPage();
  await writePage(page);
  for (const [path, { body, gzip }] of page) {
    const size = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`.padStart(10);
    console.log(`${size(body.length)} ${size(gzip?.length ?? body.length)} gzip  ${path}`);
  }
}
