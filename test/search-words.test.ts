// Text that FTS5 is given as it is must be cut by it into the very words that all other text is cut into beforehand.

import { expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { isPlain } from "../src/conversation/search-words.ts";
import { turnRow } from "../src/database/migrations/002-turn-row.ts";
import { indexedText, indexedWords } from "../src/database/search/search-text.ts";
import { sqliteDialect } from "../src/database/sqlite/dialect.ts";

const database = new DatabaseSync(":memory:");
const createSearch = turnRow
  .statements(sqliteDialect)
  .find((sql) => sql.startsWith("CREATE VIRTUAL TABLE turn_search"))!;
database.exec(createSearch);
database.exec("CREATE VIRTUAL TABLE temp.word USING fts5vocab (main, turn_search, instance)");
const insert = database.prepare("INSERT INTO turn_search (rowid, words) VALUES (1, ?)");
const list = database.prepare("SELECT term FROM temp.word ORDER BY offset");

/** The words that the index has of a text, in order. */
function tokens(text: string): unknown[] {
  database.exec("DELETE FROM turn_search WHERE rowid = 1");
  insert.run(text);
  return list.all().map((row) => row.term);
}

const ascii = Array.from({ length: 0x7f }, (_, code) => String.fromCharCode(code + 1));
const cyrillic = Array.from({ length: 0x130 }, (_, code) => String.fromCharCode(code + 0x400));
const piece = fc.oneof(
  fc.string({ unit: fc.constantFrom(...ascii), maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...cyrillic), maxLength: 8 }),
  fc.integer({ min: 60, max: 70 }).map((length) => "довге8long".repeat(7).slice(0, length)),
  fc.constantFrom(" ", ", ", "-", "_", "'", "́", "漢字", "ﬁ", "İ", "😀"),
);
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

test("the index has the same words of a text, whether it was cut for it or not", () => {
  let plain = 0;
  fc.assert(
    fc.property(text, (sample) => {
      if (isPlain(sample)) plain++;
      expect(tokens(indexedText("owner-1", [sample]))).toEqual(tokens(indexedWords("owner-1", [sample]).join(" ")));
    }),
    { numRuns: 3_000 },
  );
  expect(plain).toBeGreaterThan(300);
});

test("plain is what people write; what is joined, cut or too long otherwise is not", () => {
  for (const yes of ["", "Hello, world! x_1-y", "Привіт, як справи? Її ґанок", "a".repeat(64), `${"б".repeat(64)} 1`])
    expect(isPlain(yes)).toBe(true);
  for (const no of [
    "don't",
    "м’яч",
    "за́мок",
    "漢",
    "ﬁne",
    "é",
    "\0",
    "a".repeat(65),
    `x ${"1б".repeat(33)} y`,
    "a ".repeat(8_001),
  ])
    expect(isPlain(no)).toBe(false);
});
