// Search: any script, whole words and beginnings, titles and messages, each session once, in pages that fit together.

import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutSnippet, parseQuery } from "../src/conversation/search-query.ts";
import { cutWords, listWords } from "../src/conversation/search-words.ts";
import type { Session } from "../src/conversation/session.ts";
import { newId } from "../src/id.ts";
import type { Store } from "../src/store.ts";
import { newSession, speak } from "./store-inputs.ts";
import { codeOf, storeEngines } from "./stores.ts";

/** Both ways to cut must agree: one is for the index and queries, the other marks what was found. */
function words(text: string): string[] {
  const cut = [...cutWords(text)].map((word) => word.text);
  expect(cut).toEqual(listWords(text));
  return cut;
}
const show = (snippet: string | null | undefined) => snippet?.replaceAll("\ue000", "[").replaceAll("\ue001", "]");

describe("words", () => {
  test("every script is cut the way a person would search it", () => {
    expect(words("Привіт, м'яч і м’яч!")).toEqual(["привіт", "мʼяч", "і", "мʼяч"]);
    expect(words("'quoted' don't it's' 3.14 v2_x")).toEqual(["quoted", "donʼt", "itʼs", "3", "14", "v2", "x"]);
    expect(words("我喜欢TypeScript和かな 한글")).toEqual([
      "我",
      "喜",
      "欢",
      "typescript",
      "和",
      "か",
      "な",
      "한",
      "글",
    ]);
    expect(words("ok🎉👍🏽 ❤️❤ 🇺🇦 👨‍👩‍👧")).toEqual(["ok", "🎉", "👍", "❤", "❤", "🇺🇦", "👨", "👩", "👧"]);
    expect(words("ＦＵＬＬ ﬁne e\u0301cole за́мок")).toEqual(["full", "fine", "école", "замок"]);
    expect(words("x".repeat(65))).toEqual([]);
  });

  test("every token lies in the text where it says, in order, and none is empty or broken", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        let last = { start: 0, end: 0 };
        for (const word of cutWords(text)) {
          // One character can stand for several words, or for the end of one and the beginning of the next; they share its place.
          expect(word.start >= last.start && word.end >= last.end).toBe(true);
          expect(word.end).toBeGreaterThan(word.start);
          expect(word.end).toBeLessThanOrEqual(text.length);
          expect(word.text).not.toMatch(/^$|[\s"'*]|[\ue000-\ue00f]/u);
          last = word;
        }
      }),
    );
  });

  test("text whose letters stand for themselves is cut as if they did not", () => {
    const unit = fc.constantFrom(..."aZ9-_.,/(ЙїҐёяЪ \n\t", "x".repeat(33), "’", "é", "\u200b");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        const cut = [...cutWords(text)];
        words(text);
        const composed = [...cutWords(text.replace(/[a-zа-яёїґ]/gi, "$&\u200b"))]; // the same, in the long way
        expect(composed.map((word) => word.text)).toEqual(cut.map((word) => word.text));
        for (const { text: word, start, end } of cut) expect(listWords(text.slice(start, end))).toEqual([word]);
      }),
    );
  });

  test("a snippet keeps the text, marks what was found, and is short", () => {
    const filler = "слово ".repeat(100);
    const snippet = show(cutSnippet(`${filler}шукана голка ${filler}`, parseQuery("голк")));
    expect(snippet).toMatch(/^…(слово )+шукана \[голка\] (слово )*слово…$/);
    expect(snippet!.length).toBeLessThan(220);
    expect(show(cutSnippet("我喜欢中文和中国", parseQuery("中文")))).toBe("我喜欢[中文]和中国");
    expect(show(cutSnippet("<b>a</b>\n\n b", parseQuery("b")))).toBe("<[b]>a</[b]> [b]");
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 400 }),
        fc.string({ unit: "grapheme", maxLength: 5 }),
        (text, query) => {
          const plain = cutSnippet(text, parseQuery(query)).replace(/[\ue000\ue001]/gu, "");
          const flat = text.replace(/[\ue000\ue001]/gu, "\ufffd").replace(/[^\S\ufeff]+/g, " ");
          expect(flat).toContain(plain.replace(/^…/, "").replace(/…$/, "").trim());
        },
      ),
    );
  });
});

const forms: [text: string, query: string, marked: string][] = [
  ["уві\u00adмкнути", "увімкнути", "[уві\u00adмкнути]"],
  ["zero\u200bwidth a\ufeffb", "zerowidth", "[zero\u200bwidth] a\ufeffb"],
  ["a\ufeffb", "ab", "[a\ufeffb]"],
  ["می\u200cخواهم", "میخواهم", "[می\u200cخواهم]"],
  ["cafe\u0301 e\u0301te\u0301".normalize("NFD"), "été", `cafe\u0301 [${"été".normalize("NFD")}]`],
  ["и\u0306огурт", "йогурт", "[и\u0306огурт]"],
  ["한글".normalize("NFD"), "한글", `[${"한글".normalize("NFD")}]`],
  ["ｶﾞｷﾞ", "ガギ", "[ｶﾞｷﾞ]"],
  ["ﾊﾝｸﾞﾙ and ＦＵＬＬ", "full", "ﾊﾝｸﾞﾙ and [ＦＵＬＬ]"],
  ["Straße", "STRASSE", "[Straße]"],
  ["STRASSE", "straße", "[STRASSE]"],
  ["İstanbul", "istanbul", "[İstanbul]"],
  ["istanbul", "İSTANBUL", "[istanbul]"],
  ["ΟΔΟΣ οδός", "οδος", "[ΟΔΟΣ] οδός"],
  ["οδος", "ΟΔΟΣ", "[οδος]"],
  ["ﬁne oﬃce", "office", "ﬁne [oﬃce]"],
];

test("a word is found and marked in whatever form it was written", () => {
  for (const [text, query, marked] of forms) {
    expect([text, listWords(query).every((word) => words(text).includes(word))]).toEqual([text, true]);
    expect([text, show(cutSnippet(text, parseQuery(query)))]).toEqual([text, marked]);
  }
  expect(show(cutSnippet("a\ue000b\ue001 c", parseQuery("c")))).toBe("a\ufffdb\ufffd [c]");
});

describe.each(storeEngines)("search on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  const find = async (
    owner: string,
    query: string,
    page: { limit?: number; after?: string; before?: string; deleted?: boolean } = {},
  ) => {
    const found = await store.searchSessions(owner, query, { limit: 20, deleted: false, ...page });
    return {
      ...found,
      titles: found.data.map((session) => session.title),
      snippets: found.data.map((session) => show(session.snippet)),
    };
  };

  test("finds Ukrainian, Chinese, emoji and mixed words in questions and answers", async () => {
    const session = await newSession(store, { title: "t" }, "o1");
    await speak(store, session.id, "Де мій м’яч? 我喜欢中文", "Ось він 🎉 — TypeScript’ом не ґрунтуйся, ЇЖАК", {
      owner: "o1",
    });
    const hits = [
      "м'яч",
      "мій",
      "中文",
      "喜欢 中文",
      "🎉",
      "typescr",
      "їжак",
      "Ґрунт",
      "м'яч мій",
      '"мій"',
      "їжак мій",
      "м'яч ось",
    ];
    for (const query of hits) expect([query, (await find("o1", query)).titles]).toEqual([query, ["t"]]);
    const misses = ["яч", "文中", "喜文", "🎊", "ypescript", "мій nothing", "м", "їжакк", "中文-ось"];
    for (const query of misses) expect([query, (await find("o1", query)).titles]).toEqual([query, []]);
    expect((await find("o1", "м'яч")).snippets).toEqual(["Де мій [м’яч]? 我喜欢中文"]);
    expect((await find("o1", "їжа")).snippets[0]).toEndWith("[ЇЖАК]");
  });

  test("finds a word in whatever form it was written", async () => {
    for (const [index, [text, query, marked]] of forms.entries()) {
      const owner = `form-${index}`;
      const session = await newSession(store, { title: "t" }, owner);
      await speak(store, session.id, text, "ok", { owner });
      expect([text, (await find(owner, query)).snippets]).toEqual([text, [marked]]);
    }
  });

  test("a query of signs, quotes and operators is text, never syntax", async () => {
    const session = await newSession(store, { title: "ops" }, "o2");
    await speak(store, session.id, "cats AND dogs", "NOT really", { owner: "o2" });
    for (const query of [
      '"',
      "'",
      "*",
      "(",
      ") OR (",
      "!!!",
      "",
      "   ",
      "\0",
      "\ue002o2",
      "a:*",
      "<->",
      "&|!",
      "\\",
      "\ud800",
    ])
      expect([query, (await find("o2", query)).titles.length]).toEqual([query, 0]);
    for (const query of ["cats AND", "not", "AND dogs", "cats*", '"cats" (dogs)', "cats & dogs", "cats\\dogs"])
      expect(Array.isArray((await find("o2", query)).data)).toBe(true);
    expect((await find("o2", "cats AND dogs")).titles).toEqual(["ops"]);
    expect((await find("o2", "cats NEAR dogs")).titles).toEqual([]);
  });

  test("titles are found, also new ones, and old ones no more; what matches by title comes first", async () => {
    const titled = await newSession(store, { title: "Рецепт борщу" }, "o3");
    const talked = await newSession(store, { title: "інше" }, "o3");
    await speak(store, talked.id, "борщ", "так", { owner: "o3" });
    expect((await find("o3", "борщ")).titles).toEqual(["Рецепт борщу", "інше"]);
    expect((await find("o3", "борщ")).snippets).toEqual(["Рецепт [борщу]", "[борщ]"]);
    await store.updateSession("o3", titled.id, { title: "Вареники" }, 1);
    expect((await find("o3", "борщ")).titles).toEqual(["інше"]);
    expect((await find("o3", "варен")).titles).toEqual(["Вареники"]);
    await store.updateSession("o3", titled.id, { title: null }, 1);
    expect((await find("o3", "варен")).titles).toEqual([]);
    const named = await newSession(store, {}, "o3");
    await speak(store, named.id, "Голубці на вечерю", "добре", { owner: "o3" });
    expect((await find("o3", "голубці")).snippets).toEqual(["[Голубці] на вечерю"]);
  });

  test("nobody finds what belongs to another, and the trash has a search of its own", async () => {
    const [mine, theirs, binned] = await Promise.all([
      newSession(store, { title: "m" }, "o4"),
      newSession(store, { title: "secret" }, "o5"),
      newSession(store, { title: "binned" }, "o4"),
    ]);
    await speak(store, mine.id, "secret word", "a", { owner: "o4" });
    await speak(store, theirs.id, "secret word", "a", { owner: "o5" });
    await speak(store, binned.id, "secret word", "a", { owner: "o4" });
    await store.trashSession("o4", binned.id, 1);
    expect((await find("o4", "secret")).titles).toEqual(["m"]);
    expect((await find("o5", "secret")).titles).toEqual(["secret"]);
    expect((await find("", "secret")).titles).toEqual([]);
    expect((await find("o4", "secret", { deleted: true })).titles).toEqual(["binned"]);
    expect(await codeOf(find("o4", "secret", { after: theirs.id }))).toBe("not_found");
  });

  test("pages list every session once, newest match first, forwards and backwards", async () => {
    const sessions: Session[] = [];
    for (let i = 0; i < 7; i++) sessions.push(await newSession(store, { title: `s${i}` }, "o6"));
    const order = [3, 0, 6, 1, 3, 5, 2, 4, 0]; // newest last: 0 4 2 5 3 1 6
    for (const index of order)
      await speak(store, sessions[index]!.id, "needle here", "and needle there", { owner: "o6" });
    const expected = [0, 4, 2, 5, 3, 1, 6].map((index) => sessions[index]!);
    const titles = expected.map((session) => session.title);
    expect((await find("o6", "needle")).titles).toEqual(titles);
    for (let at = 0; at < 7; at++) {
      const after = await find("o6", "needle", { limit: 3, after: expected[at]!.id });
      expect([after.titles, after.hasMore]).toEqual([titles.slice(at + 1, at + 4), at + 4 < 7]);
      const before = await find("o6", "needle", { limit: 3, before: expected[at]!.id });
      expect([before.titles, before.hasMore]).toEqual([titles.slice(Math.max(0, at - 3), at), at > 3]);
    }
    expect(await codeOf(find("o6", "needle", { after: newId() }))).toBe("not_found");
    expect(await codeOf(find("o6", "needle", { after: "x" }))).toBe("not_found");
  });

  test("more matches than one walk takes, in few sessions, are walked to the end", async () => {
    const [few, many] = [
      await newSession(store, { title: "few" }, "o7"),
      await newSession(store, { title: "many" }, "o7"),
    ];
    await speak(store, few.id, "common", "common", { owner: "o7" });
    for (let i = 0; i < 260; i++) await speak(store, many.id, "common", "common", { owner: "o7" });
    expect((await find("o7", "common")).titles).toEqual(["many", "few"]);
    expect((await find("o7", "common", { limit: 1, after: many.id })).titles).toEqual(["few"]);
  });

  test("a beginning finds every word that begins so, few or very many, newest first, and nobody else's", async () => {
    const numbers = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => `zeta${from + n}`).join(" ");
    const said = [
      "blue zet",
      "zeta",
      numbers(0, 20),
      "blue eta",
      "blue zetas",
      "zeta and zetas",
      "ζeta",
      "blue zetaʼx",
    ];
    for (const [at, text] of said.entries())
      await speak(store, (await newSession(store, { title: `n${at}` }, "o9")).id, text, "ok", { owner: "o9" });
    await speak(store, (await newSession(store, { title: "theirs" }, "o10")).id, "blue zetaz", "ok", { owner: "o10" });
    const expectAll = async (more: string[]) => {
      expect((await find("o9", "zeta")).titles).toEqual([...more, "n7", "n5", "n4", "n2", "n1"]);
      expect((await find("o9", "zeta ")).titles).toEqual(["n5", "n1"]);
      expect((await find("o9", "blue zeta")).titles).toEqual(["n7", "n4"]);
      expect((await find("o9", "zeta zeta1")).titles).toEqual([]);
      expect((await find("o9", "ok zeta1")).titles).toEqual([...more, "n2"]);
      expect((await find("o9", "zeta0 zeta1")).titles).toEqual([...more, "n2"]);
      expect((await find("o10", "zeta")).titles).toEqual(["theirs"]);
      expect((await find("o9", "zetaz")).titles).toEqual([]);
    };
    await expectAll([]);
    const many = await newSession(store, { title: "many" }, "o9");
    await speak(store, many.id, numbers(0, 400), "ok", { owner: "o9" });
    await expectAll(["many"]);
  });

  test("a huge message is stored whole and found by its beginning", async () => {
    const session = await newSession(store, { title: "huge" }, "o8");
    const huge = Array.from({ length: 60_000 }, (_, i) => `слово${i}`).join(" ");
    const { userMessage } = await speak(store, session.id, huge, "x".repeat(500_000), { owner: "o8" });
    expect(userMessage.content.length).toBe(huge.length);
    expect((await find("o8", "слово9 слово10 слово11")).titles).toEqual(["huge"]);
  });
});
