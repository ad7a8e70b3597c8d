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
  ["src/turn/live.ts", 'import type { Tx } from "../database/tx.ts";', "src/turn/live.ts imports src/database/tx.ts"],
  [
    "src/turn/live.ts",
    'const x = await import("../providers/index.ts");',
    "src/turn/live.ts imports src/providers/index.ts",
  ],
  ["src/turn/live.ts", 'export * from "../http/app.ts";', "src/turn/live.ts imports src/http/app.ts"],
  ["src/turn/live.ts", 'import { serve } from "../main.ts";', "src/turn/live.ts imports src/main.ts"],
  ["src/store.ts", 'import { page } from "../web/build.ts";', "src/store.ts imports web/build.ts"],
  ["src/store.ts", 'import { sumCost } from "./money/ledger.ts";', "src/store.ts imports src/money/ledger.ts"],
  ["src/store.ts", 'import type { Tx } from "./database/tx.ts";', "src/store.ts imports src/database/tx.ts"],
  ["src/money/price.ts", 'import type { Turn } from "../turn/turn.ts";', "src/money/price.ts imports src/turn/turn.ts"],
  [
    "src/model/model.ts",
    'import type { Usage } from "../money/usage.ts";',
    "src/model/model.ts imports src/money/usage.ts",
  ],
  [
    "src/conversation/memory.ts",
    'import type { Turn } from "../turn/turn.ts";',
    "src/conversation/memory.ts imports src/turn/turn.ts",
  ],
  ["src/http/deep/a.ts", 'import "../../database/open.ts";', "src/http/deep/a.ts imports src/database/open.ts"],
  ["src/database/open.ts", 'import { Hono } from "hono";', "src/database/open.ts imports hono"],
  ["src/turn/live.ts", 'import { z } from "@hono/zod-openapi";', "src/turn/live.ts imports @hono/zod-openapi"],
  ["src/http/app.ts", 'import pg from "pg";', "src/http/app.ts imports pg"],
  ["src/command/backup.ts", 'import { DatabaseSync } from "node:sqlite";', "src/command/backup.ts imports node:sqlite"],
  ["src/main.ts", 'import { GoogleGenAI } from "@google/genai";', "src/main.ts imports @google/genai"],
  [
    "src/http/sse.ts",
    'import { a } from "eventsource-parser/stream";',
    "src/http/sse.ts imports eventsource-parser/stream",
  ],
  [
    "src/money/verify/derive.ts",
    'import { makeBill } from "../bill.ts";',
    "src/money/verify/derive.ts imports src/money/bill.ts",
  ],
  [
    "src/money/verify/raw-usage.ts",
    'import { type Counted } from "../usage.ts";',
    "src/money/verify/raw-usage.ts imports src/money/usage.ts",
  ],
  ["src/main.ts", "const port = process.env.PORT;", "src/main.ts reads the environment: process.env"],
  ["src/turn/live.ts", "// as Gemini does", "src/turn/live.ts names a vendor: Gemini"],
  ["src/http/native/turn.ts", 'if (vendor === "gemini") return;', "src/http/native/turn.ts names a vendor: gemini"],
  ["src/http/native/turn.ts", "const geminiModel = 1;", "src/http/native/turn.ts names a vendor: gemini"],
  ["src/http/native/turn.ts", 'const a = { model: "gemini-9" };', "src/http/native/turn.ts names a vendor: gemini"],
  ["src/config.ts", "const openaiKey = 1;", "src/config.ts names a vendor: openai"],
  ["src/turn/live.ts", "await Bun.sleep(1);", "src/turn/live.ts uses Bun's own API: Bun.s"],
  ["src/turn/live.ts", 'import { test } from "bun:test";', 'src/turn/live.ts uses Bun\'s own API: "bun:test"'],
  ["emulator/main.ts", 'import { newId } from "../src/id.ts";', "emulator/main.ts imports src/id.ts"],
  ["web/api.ts", 'import { z } from "@hono/zod-openapi";', "web/api.ts imports @hono/zod-openapi"],
  ["web/api.ts", 'import { newId } from "../src/id.ts";', "web/api.ts imports src/id.ts"],
  ["web/css/long.css", "\n".repeat(301), "web/css/long.css has 301 lines, more than 300"],
  ["test/long.test.ts", "\n".repeat(401), "test/long.test.ts has 401 lines, more than 400"],
];

for (const [path, text, found] of planted)
  test(`finds a planted violation: ${found}`, () => expect(findViolations([{ path, text }])).toEqual([found]));

test("finds files that import each other, by way of a third and for types only", () => {
  const files = [
    { path: "src/turn/a.ts", text: 'import { b } from "./b.ts";' },
    { path: "src/turn/b.ts", text: 'import type { C } from "./c.ts";' },
    { path: "src/turn/c.ts", text: 'import { a } from "./a.ts";' },
    { path: "src/turn/d.ts", text: 'import { a } from "./a.ts";' },
  ];
  expect(findViolations(files)).toEqual([
    "in a circle: src/turn/a.ts -> src/turn/b.ts -> src/turn/c.ts -> src/turn/a.ts",
  ]);
});

test("finds a crowded room, and a crowded root", () => {
  const many = (folder: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({ path: `${folder}/file-${index}.ts`, text: "" }));
  expect(findViolations(many("src/turn", 18))).toEqual([]);
  expect(findViolations(many("src/turn", 19))).toEqual(["src/turn has 19 files, more than 18"]);
  expect(findViolations(many("src", 13))).toEqual(["src has 13 files, more than 12"]);
});

const innocent: [path: string, text: string][] = [
  [
    "src/http/app.ts",
    'import { Hono } from "hono";\nimport { AppError } from "../errors.ts";\nimport { a } from "./a.ts";',
  ],
  ["src/main.ts", 'import { openStore } from "./database/open.ts";\nimport { loadPage } from "../web/build.ts";'],
  ["src/command/backup.ts", 'import { openStore } from "../database/open.ts";'],
  ["src/http/native/turn.ts", 'import { sumCost } from "../../money/ledger.ts";\nimport "../route.ts";'],
  ["src/turn/live.ts", 'import { sumCost } from "../money/ledger.ts";'],
  ["src/store.ts", 'import type { Cost } from "./money/ledger.ts";'],
  ["web/api.ts", 'import type { z } from "@hono/zod-openapi";'],
  ["web/api.ts", 'import type { Turn } from "../src/turn/turn.ts";'],
  ["src/http/problem.ts", "// as OpenAI's clients read it"],
  ["src/turn/live.ts", "// It runs on Bun. Node runs it too."],
  ["test/a.test.ts", "\n".repeat(400)],
];

for (const [path, text] of innocent)
  test(`finds nothing in ${path}: ${text.trim().split("\n")[0]}`, () =>
    expect(findViolations([{ path, text }])).toEqual([]));
