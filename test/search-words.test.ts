// Text that FTS5 is given as it is must be cut by it into the very words that all other text is cut into beforehand.

import { expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { printPlain } from "../src/conversation/search-words.ts";
import { turnRow } from "../src/database/migrations/002-turn-row.ts";
import { indexedText, indexedWords, insertTurn } from "../src/database/search/search-text.ts";
import { sqliteDialect } from "../src/database/sqlite/dialect.ts";

const database = new DatabaseSync(":memory:");
const createSearch = turnRow
  .statements(sqliteDialect)
  .find((sql) => sql.startsWith("CREATE VIRTUAL TABLE turn_search"))!;
database.exec(createSearch);
database.exec("CREATE VIRTUAL TABLE temp.word USING fts5vocab (main, turn_search, instance)");
const insertWords = database.prepare("INSERT INTO turn_search (rowid, words) VALUES (1, ?)");
const insertTexts = database.prepare(insertTurn.replaceAll("$", "?"));
const list = database.prepare("SELECT term FROM temp.word ORDER BY offset");

/** The words that the index has after `insert`, in order. */
function tokens(insert: () => void): unknown[] {
  database.exec("DELETE FROM turn_search WHERE rowid = 1");
  insert();
  return list.all().map((row) => row.term);
}

const ascii = Array.from({ length: 0x7f }, (_, code) => String.fromCharCode(code + 1));
const cyrillic = Array.from({ length: 0x130 }, (_, code) => String.fromCharCode(code + 0x400));
const piece = fc.oneof(
  fc.string({ unit: fc.constantFrom(...ascii), maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...cyrillic), maxLength: 8 }),
  fc.integer({ min: 60, max: 70 }).map((length) => "довге8long".repeat(7).slice(0, length)),
  fc.string({ unit: fc.constantFrom(..."éÉßÿÞ"), maxLength: 3 }),
  fc.constantFrom(..."'’‘`´ʼ＇“”„«»–—…•·×→¿° ", "don't", "м’яч"),
  fc.constantFrom(" ", ", ", "-", "_", "́", "漢字", "ﬁ", "İ", "😀"),
);
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

test("the index has the same words of a text, whether it was cut for it or not", () => {
  let plain = 0;
  fc.assert(
    fc.property(text, (sample) => {
      if (printPlain(sample) !== undefined) plain++;
      const cut = tokens(() => insertWords.run(indexedWords("Owner-1", [sample, "end"]).join(" ")));
      expect(tokens(() => insertTexts.run(1, "Owner-1", indexedText(sample), indexedText("end")))).toEqual(cut);
    }),
    { numRuns: 3_000 },
  );
  expect(plain).toBeGreaterThan(300);
});

test("plain is what people write; what is joined, cut or too long otherwise is not", () => {
  const long = "б".repeat(64);
  const usual = ["", "Hello, world! x_1-y", "Привіт, як справи? Її ґанок", "«Ça va» – „grün“…", "a".repeat(64)];
  for (const yes of [...usual, `${long} 1`, `'${long}'`]) expect(printPlain(yes)?.length).toBe(yes.length);
  expect(printPlain("'Don't' `rock’n’roll` “М’яч”")).toBe("'donʼt' `rockʼnʼroll`  мʼяч ");
  for (const no of ["за́мок", "漢", "ﬁne", "ß", "©", "\0", `${long}'x`, `x ${"1б".repeat(33)} y`, "a ".repeat(8_001)])
    expect(printPlain(no)).toBeUndefined();
});
