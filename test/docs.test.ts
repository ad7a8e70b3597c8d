// The documents say what the code does: generated parts are current, and nothing they point at is missing.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { generate } from "../docs/generate.ts";
import { settings } from "../src/config.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const skipped = new Set(["node_modules", "dist", "peers", "data", ".git"]);

function listMarkdown(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listMarkdown(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

const markdown = listMarkdown("");

/** Fenced blocks: language and text. */
function blocksOf(text: string): [language: string, text: string][] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code]) => [language!, code!]);
}

describe("what is generated from the settings is current", () => {
  for (const { path, current, wanted } of generate(root))
    test(path, () => {
      expect(current).toBe(wanted);
      for (const { env } of Object.values(settings)) expect(current).toContain(env);
    });
});

test("every dependency has its sentence: who keeps it, its size, why not fifty lines of ours", () => {
  const page = read("docs/decisions/dependencies.md");
  const rows = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]*MiB[^|]*) \| ([^|]{20,}) \|$/gm)].map((row) => [row[1], row]),
  );
  const named = ["package.json", "test/package.json"].flatMap((path) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path));
    return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
  });
  expect([...rows.keys()].toSorted()).toEqual(named.toSorted());
});

describe("every relative link leads somewhere", () => {
  for (const path of markdown)
    test(path, () => {
      const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!.split("#")[0]!);
      const broken = links.filter(
        (link) => link !== "" && !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(path), decodeURI(link))),
      );
      expect(broken).toEqual([]);
    });
});

test("every picture that a document shows is there, and none is large", () => {
  const shown = markdown.flatMap((path) =>
    [...read(path).matchAll(/(?:src|srcset)="([^"]+\.png)"/g)].map(([, file]) => join(root, dirname(path), file!)),
  );
  expect(shown.length).toBeGreaterThanOrEqual(6);
  for (const file of shown) expect({ file, small: statSync(file).size < 200_000 }).toEqual({ file, small: true });
});

test("every file of ours that a document names in backticks is there", () => {
  const missing = markdown.flatMap((path) =>
    [...read(path).matchAll(/`((?:src|test|docs|web|emulator|bench|bin)\/[\w./-]*\w\.\w+)`/g)]
      .map(([, named]) => named!)
      .filter((named) => !named.includes("NNN") && !existsSync(join(root, named)))
      .map((named) => `${path}: ${named}`),
  );
  expect(missing).toEqual([]);
});

test("every npm script that a document names exists", () => {
  const { scripts } = JSON.parse(read("package.json"));
  const wrong = markdown.flatMap((path) =>
    [...read(path).matchAll(/npm (?:run ([\w:-]+)|(start|test)\b)/g)]
      .map(([, run, word]) => (run ?? word)!)
      .filter((name) => !(name in scripts))
      .map((name) => `${path}: ${name}`),
  );
  expect(wrong).toEqual([]);
});

test("every decision is in the index", () => {
  const index = read("docs/decisions/README.md");
  const pages = readdirSync(join(root, "docs/decisions")).filter((name) => name !== "README.md");
  expect(pages.length).toBeGreaterThan(5);
  expect(pages.filter((name) => !index.includes(`](${name})`))).toEqual([]);
});

test("the README in Ukrainian has the same commands, answers, headings and links as the one in English", () => {
  const shapeOf = (path: string) => {
    const text = read(path);
    const prose = text.replace(/^```.*?^```$/gms, "");
    return {
      blocks: blocksOf(text),
      headings: [...prose.matchAll(/^(#+) /gm)].map(([, marks]) => marks),
      inlineCommands: [...prose.matchAll(/`(npm [^`]+|--[^`]+|(?:GET|POST) [^`]+)`/g)].map(([, command]) => command),
      links: [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!.replace(/^README(\.uk)?\.md$/, "the other")),
    };
  };
  const english = shapeOf("README.md");
  expect(english.blocks.filter(([language]) => language === "sh").length).toBeGreaterThan(5);
  expect(shapeOf("README.uk.md")).toEqual(english);
});

test("the README shows the two commands that are all one needs", () => {
  const commands = blocksOf(read("README.md")).flatMap(([, code]) => code.split("\n"));
  expect(commands).toContain("npm ci && npm start");
  expect(commands).toContain("npm ci && npm test");
});
