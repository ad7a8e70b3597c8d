// What the page weighs: the first load stays small, and everything it names is there, at an address relative to its own.

import { expect, test } from "bun:test";
import { buildPage } from "../web/build.ts";

const page = await buildPage();
const html = new TextDecoder().decode(page.get("/")?.body);
const sizeOf = (path: string) => page.get(path)?.gzip?.length ?? page.get(path)?.body.length ?? Number.NaN;
const textOf = (path: string) => new TextDecoder().decode(page.get(path)?.body);

/** The scripts that a file imports at once, and theirs. */
function withStatic(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, name] of textOf(path).matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+\.js)"/g))
    withStatic(`/assets/${name}`, seen);
  return seen;
}

test("the first load is at most 80 KB of script, compressed, with the worker that reads the answers", () => {
  const [main = ""] = /assets\/main-[\w-]+\.js/.exec(html) ?? [];
  const [reader = ""] = /assets\/worker-[\w-]+\.js/.exec(html) ?? [];
  const scripts = new Set([...withStatic(`/${main}`), ...withStatic(`/${reader}`)]);
  const total = [...scripts].reduce((sum, path) => sum + sizeOf(path), 0);
  expect(scripts.size).toBeGreaterThanOrEqual(2);
  expect(total).toBeGreaterThan(30_000);
  expect(total).toBeLessThanOrEqual(80 * 1024);
});

test("the page names its files by relative addresses, and each is there, so that it works under any path", () => {
  const named = [...html.matchAll(/(?:href|src|content)="([^"]*\.(?:js|css|svg|json))"/g)].map(
    ([, address]) => address!,
  );
  expect(named.length).toBeGreaterThanOrEqual(6);
  for (const address of named) {
    expect(address).toMatch(/^assets\//);
    expect(page.has(`/${address}`)).toBe(true);
  }
  expect(html).not.toMatch(/(?:href|src)="\//);
  const sheet = [...page.keys()].find((path) => path.includes("formulas"))!;
  for (const [, font] of textOf(sheet).matchAll(/url\(([^)]+)\)/g)) expect(page.has(`/assets/${font}`)).toBe(true);
});
