// What the page says: every text in every language, right plurals, and money that never becomes a number.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { errorCodes } from "../src/errors.ts";
import { multiply, parseUsd, printUsd } from "../src/money/money.ts";
import { chooseLanguage, languages, loadText, localeOf } from "../web/text/language.ts";
import { addUsd, printUsd as printExact, printShort, subtractUsd, timesMillion } from "../web/text/money.ts";
import { loadRoomText } from "../web/text/rooms/load.ts";
import { count, fill, type Text } from "../web/text/text.ts";
import { headingOf } from "../web/text/time.ts";

const texts = Object.fromEntries(
  await Promise.all(languages.map(async (language) => [language, await loadText(language)])),
) as Record<(typeof languages)[number], Text>;

/** Every text by its path, e.g. "errors.internal". */
function textsOf(node: unknown, path = ""): [string, string][] {
  if (typeof node === "string") return [[path, node]];
  return Object.entries(node as object).flatMap(([key, child]) => textsOf(child, `${path}.${key}`));
}
const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test.each([...languages])(
  "the rooms' words in %s: none missing, empty, left over or untranslated",
  async (language) => {
    const english = new Map(textsOf(await loadRoomText("en")));
    const own = textsOf(await loadRoomText(language));
    expect(own.map(([path]) => path).sort()).toEqual([...english.keys()].sort());
    const alike = [".demo", ".live", ".budgets", ".groups.model"];
    for (const [path, text] of own) {
      expect({ path, places: places(text) }).toEqual({ path, places: places(english.get(path)!) });
      const same = language !== "en" && text === english.get(path) && /\p{L}{5}/u.test(text) && !alike.includes(path);
      expect({ path, empty: text.trim() === "", same }).toEqual({ path, empty: false, same: false });
      if (language === "uk") expect(text).not.toMatch(/[ыэёъ']/i);
    }
  },
);

describe.each([...languages])("in %s", (language) => {
  const ofNoPlural = ([path]: [string, string]) => !path.startsWith(".counts.");
  const english = new Map(textsOf(texts.en).filter(ofNoPlural));
  const own = textsOf(texts[language]).filter(ofNoPlural);

  test("no text is missing, empty or left over, and each has the same places to fill in", () => {
    expect(own.map(([path]) => path).sort()).toEqual([...english.keys()].sort());
    for (const [path, text] of own) {
      expect({ path, empty: text.trim() === "" }).toEqual({ path, empty: false });
      expect({ path, places: places(text) }).toEqual({ path, places: places(english.get(path)!) });
    }
  });

  test("every counted thing has each form of the language's plurals, and says the number", () => {
    const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
    for (const [what, forms] of Object.entries(texts[language].counts)) {
      expect({ what, forms: Object.keys(forms).sort() }).toEqual({ what, forms: [...pluralCategories].sort() });
      for (const form of Object.values(forms)) expect(form).toContain("{n}");
    }
  });

  /** The product's name and what is written with the same letters in some languages. */
  const alike = [".appName", ".model"];
  test("everything is translated", () => {
    if (language === "en") return expect(own.length).toBeGreaterThan(100);
    const same = own.filter(([path, text]) => text === english.get(path) && /\p{L}{5}/u.test(text));
    expect(same.map(([path]) => path).filter((path) => !alike.includes(path))).toEqual([]);
  });

  /** What only a broken client can cause; such an answer is shown in the server's own words. */
  const notOurs = ["malformed_json", "method_not_allowed", "unsupported_media_type"];
  test("every error code of the server that a reader can meet has a sentence", () => {
    const sentences: Record<string, string> = { ...texts[language].errors };
    expect(errorCodes.filter((code) => !notOurs.includes(code) && !sentences[code])).toEqual([]);
  });
});

test("Ukrainian texts are Ukrainian: no letters of the Russian alphabet, and one apostrophe", () => {
  const all = textsOf(texts.uk);
  expect(all.filter(([, text]) => /[ыъэё']/i.test(text))).toEqual([]);
});

test("dates and numbers are written as the reader's browser says, not as the language's first country does", () => {
  expect(localeOf("en", ["uk", "en-GB"])).toBe("en-GB");
  expect(localeOf("uk", ["en-GB"])).toBe("uk");
  expect(localeOf("en", ["en-US@posix"])).toBe("en");
});

test("plurals follow each language's own rules", () => {
  const tokens = (n: number) => count(texts.uk, "uk", "tokens", n).replace(/\s/g, " ");
  expect([0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 101, 111, 1002].map(tokens)).toEqual([
    "0 токенів",
    "1 токен",
    "2 токени",
    "4 токени",
    "5 токенів",
    "11 токенів",
    "12 токенів",
    "14 токенів",
    "21 токен",
    "22 токени",
    "25 токенів",
    "101 токен",
    "111 токенів",
    "1 002 токени",
  ]);
  expect([0, 1, 2, 1000].map((n) => count(texts.en, "en", "tokens", n))).toEqual([
    "0 tokens",
    "1 token",
    "2 tokens",
    "1,000 tokens",
  ]);
});

test("a place without a value stays visible, and a value is never read as a pattern", () => {
  expect(fill("{a} and {b}", { a: "$&$1{b}" })).toBe("$&$1{b} and {b}");
});

test("the language is the first preferred one that the page speaks, else English", () => {
  expect(chooseLanguage(["uk-UA", "en"])).toBe("uk");
  expect(chooseLanguage(["fr", "UK"])).toBe("uk");
  expect(chooseLanguage(["de-AT", "fr"])).toBe("de");
  expect(chooseLanguage(["ukx"])).toBe("en");
});

test("a price per token, times a million, is exact for every price", () => {
  expect(timesMillion("0.0000003")).toBe("0.3");
  expect(timesMillion("0.000000025")).toBe("0.025");
  expect(timesMillion("12")).toBe("12000000");
  expect(timesMillion("0")).toBe("0");
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 15n), (pico) => {
      expect(parseUsd(timesMillion(printUsd(pico)))).toBe(multiply(1_000_000, pico));
    }),
  );
});

test("amounts are added to the last digit, and shown short as the locale writes them", () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 15n), 10n ** 15n), fc.bigInt(-(10n ** 15n), 10n ** 15n), (a, b) => {
      expect(parseUsd(addUsd(printUsd(a), printUsd(b)))).toBe(a + b);
      expect(parseUsd(subtractUsd(printUsd(a), printUsd(b)))).toBe(a - b);
    }),
  );
  const short = (amount: string, locale = "en") => printShort(amount, locale).replaceAll("\u00a0", " ");
  expect(
    ["0", "0.0000003", "0.0017557", "0.00999", "0.0134567", "0.5", "1.275", "12.5", "1234.5"].map((a) => short(a)),
  ).toEqual(["$0", "0.00003 ¢", "0.176 ¢", "0.999 ¢", "$0.0135", "$0.50", "$1.28", "$12.50", "$1,234.50"]);
  expect(short("0.0017557", "uk")).toBe("0,176 ¢");
  expect(short("-0.0017557")).toBe("−0.176 ¢");
  expect(printExact("0.0017557", "uk")).toBe("$0,0017557");
  expect(printExact("0.3")).toBe("$0.30");
});

test("a conversation stands under the day it began", () => {
  const now = new Date(2026, 10, 23, 12);
  const heading = (day: number, hour: number, month = 10) =>
    headingOf("uk", texts.uk, new Date(2026, month, day, hour).toISOString(), now);
  expect([heading(23, 0), heading(22, 23), heading(22, 0), heading(21, 23), heading(16, 0)]).toEqual([
    "Сьогодні",
    "Учора",
    "Учора",
    "Останні 7 днів",
    "Останні 7 днів",
  ]);
  expect(heading(1, 0, 8)).toStartWith("Вересень 2026");
});
