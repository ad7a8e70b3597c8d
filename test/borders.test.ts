// Rooms know only the root and themselves; tools stay where they belong; files stay short.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { findViolations, readSources } from "./borders.ts";

const root = join(import.meta.dirname, "..");

test("the borders of the house hold", () => {
  const files = readSources(root, ["src", "emulator", "web", "test", "bench"]);
  for (const folder of ["src/http", "src/database", "src/providers", "emulator", "web"])
    expect(files.filter((file) => file.path.startsWith(`${folder}/`)).length, folder).toBeGreaterThan(0);
  expect(findViolations(files)).toEqual([]);
});

const planted: [path: string, text: string, found: string][] = [
  [
    "src/http/app.ts",
    'import { openStore } from "../database/open.ts";',
    "src/http/app.ts imports src/database/open.ts",
  ],
  [
    "src/http/app.ts",
    'import {\n  a,\n  b,\n} from "../database/open.ts";',
    "src/http/app.ts imports src/database/open.ts",
  ],
  ["src/turn.ts", 'import type { Tx } from "./database/engine.ts";', "src/turn.ts imports src/database/engine.ts"],
  ["src/turn.ts", 'const x = await import("./providers/index.ts");', "src/turn.ts imports src/providers/index.ts"],
  ["src/turn.ts", 'export * from "./http/app.ts";', "src/turn.ts imports src/http/app.ts"],
  ["src/turn.ts", 'import { serve } from "./main.ts";', "src/turn.ts imports src/main.ts"],
  ["src/turn.ts", 'import { page } from "../web/build.ts";', "src/turn.ts imports web/build.ts"],
  ["src/http/deep/a.ts", 'import "../../database/open.ts";', "src/http/deep/a.ts imports src/database/open.ts"],
  ["src/database/open.ts", 'import { Hono } from "hono";', "src/database/open.ts imports hono"],
  ["src/turn.ts", 'import { z } from "@hono/zod-openapi";', "src/turn.ts imports @hono/zod-openapi"],
  ["src/http/app.ts", 'import pg from "pg";', "src/http/app.ts imports pg"],
  ["src/command/backup.ts", 'import { DatabaseSync } from "node:sqlite";', "src/command/backup.ts imports node:sqlite"],
  ["src/main.ts", 'import { GoogleGenAI } from "@google/genai";', "src/main.ts imports @google/genai"],
  [
    "src/http/sse.ts",
    'import { a } from "eventsource-parser/stream";',
    "src/http/sse.ts imports eventsource-parser/stream",
  ],
  ["src/main.ts", "const port = process.env.PORT;", "src/main.ts reads the environment: process.env"],
  ["src/turn.ts", "// as Gemini does", "src/turn.ts names a vendor: Gemini"],
  ["src/http/turn.ts", 'if (vendor === "gemini") return;', "src/http/turn.ts names a vendor: gemini"],
  ["src/http/turn.ts", "const geminiModel = 1;", "src/http/turn.ts names a vendor: gemini"],
  ["src/http/turn.ts", 'const a = { model: "gemini-9" };', "src/http/turn.ts names a vendor: gemini"],
  ["src/config.ts", "const openaiKey = 1;", "src/config.ts names a vendor: openai"],
  ["src/turn.ts", "await Bun.sleep(1);", "src/turn.ts uses Bun's own API: Bun.s"],
  ["src/turn.ts", 'import { test } from "bun:test";', 'src/turn.ts uses Bun\'s own API: "bun:test"'],
  ["emulator/main.ts", 'import { newId } from "../src/id.ts";', "emulator/main.ts imports src/id.ts"],
  ["web/api.ts", 'import { z } from "@hono/zod-openapi";', "web/api.ts imports @hono/zod-openapi"],
  ["web/api.ts", 'import { newId } from "../src/id.ts";', "web/api.ts imports src/id.ts"],
  ["test/long.test.ts", "\n".repeat(401), "test/long.test.ts has 401 lines, more than 400"],
];

for (const [path, text, found] of planted)
  test(`finds a planted violation: ${found}`, () => expect(findViolations([{ path, text }])).toEqual([found]));

const innocent: [path: string, text: string][] = [
  [
    "src/http/app.ts",
    'import { Hono } from "hono";\nimport { AppError } from "../errors.ts";\nimport { a } from "./a.ts";',
  ],
  ["src/main.ts", 'import { openStore } from "./database/open.ts";\nimport { loadPage } from "../web/build.ts";'],
  ["src/command/backup.ts", 'import { openStore } from "../database/open.ts";'],
  ["web/api.ts", 'import type { z } from "@hono/zod-openapi";'],
  ["web/api.ts", 'import type { Turn } from "../src/turn/turn.ts";'],
  ["src/http/problem.ts", "// as OpenAI's clients read it"],
  ["src/turn.ts", "// It runs on Bun. Node runs it too."],
  ["test/a.test.ts", "\n".repeat(400)],
];

for (const [path, text] of innocent)
  test(`finds nothing in ${path}: ${text.trim().split("\n")[0]}`, () =>
    expect(findViolations([{ path, text }])).toEqual([]));
