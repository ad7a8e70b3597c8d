// What is read looks like what it is: questions beside their answers, headings, tables, code and boxes, on a screen, in the reader's own colours and on paper.

import { expect, test } from "bun:test";
import { slow, tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";
import { watchShift } from "./page-shift.ts";

const story = tellBrowserStory();

async function converse(question: string, text: string): Promise<void> {
  story.server.emulator.play({ text, usage });
  await story.tab.say(question);
  await story.tab.answered();
}
const box = (selector: string, at = 0) =>
  story.tab.page
    .locator(selector)
    .nth(at)
    .evaluate((element) => {
      const { top, bottom, left } = element.getBoundingClientRect();
      return { top, bottom, left };
    });
const styleOf = (selector: string, name: string) =>
  story.tab.page
    .locator(selector)
    .first()
    .evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), name);

test("a question stands nearer to its answer than to the answer before it, whose line says when it came and names no model", async () => {
  await converse("one", "First.");
  await converse("two", "Second.");
  const [answer, question, next] = [
    await box(".answer .message-tools"),
    await box(".bubble", 1),
    await box(".answer", 1),
  ];
  expect(next.top - question.bottom).toBeLessThan((question.top - answer.bottom) / 2);
  const line = story.tab.lastAnswer.locator(".message-tools");
  expect(await line.locator("time").innerText()).toMatch(/\d\d:\d\d/);
  expect(await line.innerText()).not.toMatch(/gemini/i);
});

test("each level of headings is seen, and none is taken for bold words", async () => {
  await converse("show", "# one\n\n## two\n\n### three\n\n#### four\n\n**bold**");
  const sizes = await story.tab.lastAnswer
    .locator(".prose :is(h1, h2, h3, h4, h5, h6), .prose p")
    .evaluateAll((all) => all.map((one) => Number.parseFloat(getComputedStyle(one).fontSize)));
  expect(sizes).toHaveLength(5);
  const [one, two, three, four, bold] = sizes as [number, number, number, number, number];
  expect(one >= two && two > three && three > bold).toBe(true);
  expect(four).toBeLessThan(three);
});

test("formulas are drawn, also while the answer is written; a stopped answer leaves no raw marks", async () => {
  await converse("formula", "It is \\(E = mc^2\\), and\n\n$$\\int e^{-x^2}\\,dx$$");
  await story.tab.lastAnswer.locator(".katex").nth(1).waitFor();
  expect(await story.tab.lastAnswer.locator(".prose").innerText()).not.toMatch(/\\|\$/);
  story.server.emulator.play({ ...slow, text: `words and **${"bold ".repeat(60)}**`, delayMs: 60 });
  await story.tab.say("stop me");
  await story.tab.lastAnswer.locator("strong", { hasText: "bold bold" }).waitFor();
  await story.tab.composer.press("Escape");
  await story.tab.lastAnswer.getByText("You stopped this answer.").waitFor();
  await story.tab.answered();
  expect(await story.tab.textOf()).not.toContain("*");
  expect(await story.tab.page.evaluate(() => document.activeElement?.id)).toBe("composer");
});

test("a formula is drawn in the frame it is closed in, and one that grows never goes back to its source", async () => {
  const { page } = story.tab;
  await converse("the first one loads what draws them", "\\(a\\)");
  await story.tab.lastAnswer.locator(".katex").waitFor();
  await page.evaluate(() => {
    const seen: string[] = [];
    const look = () => {
      for (const [at, one] of [...document.querySelectorAll(".formula")].entries()) {
        const state = `${at} ${one.querySelector(".katex") ? "drawn" : "source"}`;
        if (!seen.includes(state)) seen.push(state);
        else if (state.endsWith("source") && seen.includes(`${at} drawn`)) seen.push(`${at} back to its source`);
      }
      requestAnimationFrame(look);
    };
    look();
    Object.assign(globalThis, { seen });
  });
  const text = `Words \\(E = mc^2\\), more\n\n$$x + 120 + yz - 340$$\n\n| a |\n|---|\n| $x_1$ |\n| ${"words ".repeat(20)} |\n\nEnd \\(\\nosuch{\\) here`;
  story.server.emulator.play({ text, chunks: 60, delayMs: 40, usage });
  await story.tab.say("and now");
  await story.tab.answered();
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
  // The last one is none: its source says so.
  expect(seen.toSorted()).toEqual(["0 drawn", "1 drawn", "2 drawn", "3 drawn", "4 source"]);
});

test("footnotes are calm: a reference is small and raised, also before its note has come; notes are quiet, their marks in a column; no sign of them is seen and nothing moves while they come", async () => {
  const { page } = story.tab;
  const text = `The river[^1] is long${"[^2]".repeat(2)}, its name old.[^name]\n\nMore *words* of it.\n\n[^1]: ${"The Dnipro flows. ".repeat(12)}\n[^2]: Two\n\n    lines\n[^name]: From a language\n`;
  await page.evaluate(() => {
    const seen = new Set<string>();
    const look = () => {
      const words = [...document.querySelectorAll(".prose")].at(-1)?.textContent ?? "";
      if (/\[?\^|\]:/.test(words)) seen.add(words);
      requestAnimationFrame(look);
    };
    look();
    Object.assign(globalThis, { seen });
  });
  story.server.emulator.play({ text: "Before.", usage }, { text, chunks: 150, delayMs: 8, usage });
  await story.tab.say("first");
  await story.tab.answered();
  const shift = await watchShift(page);
  await story.tab.say("stream");
  await story.tab.answered();
  const { sum, from } = await shift();
  expect({ from: sum < 0.03 ? [] : from }).toEqual({ from: [] });
  expect(await page.evaluate(() => [...(globalThis as unknown as { seen: Set<string> }).seen])).toEqual([]);
  const answer = story.tab.lastAnswer;
  expect(await answer.locator("p sup").allInnerTexts()).toEqual(["[1]", "[2]", "[2]", "[name]"]);
  const sizeOf = (selector: string) =>
    answer
      .locator(selector)
      .first()
      .evaluate((one) => Number.parseFloat(getComputedStyle(one).fontSize));
  expect(await sizeOf("p sup")).toBeLessThan(await sizeOf("p"));
  expect(await sizeOf(".notes p")).toBeLessThan(await sizeOf("p"));
  const lefts = (selector: string) =>
    answer.locator(selector).evaluateAll((all) => all.map((one) => one.getBoundingClientRect().left));
  const [[mark = 0, ...marks], [first = 0, second, third, ...others]] = [
    await lefts(".notes sup"),
    await lefts(".notes p"),
  ];
  expect(marks).toEqual([mark, mark]);
  expect([second, third]).toEqual([first, first]);
  expect(others).toHaveLength(1);
  expect(first).toBeGreaterThan(mark + 16);
});

test("what is wider than the column says on which side it goes on; code can be wrapped; boxes of a list stand at the text's edge, those below them further in", async () => {
  const reader = await newReader(story.browser, { viewport: { width: 360, height: 740 } });
  const tab = await newTab(reader);
  await tab.open(story.server.url);
  const cells = (what: string) => `|${` ${what} |`.repeat(6)}`;
  const table = [cells("a column"), cells("---"), cells("something")].join("\n");
  story.server.emulator.play({
    text: `Text\n\n- [x] done\n  - [ ] below it\n- [ ] to do\n\n${table}\n\n\`\`\`js\n${"const a = 1; ".repeat(20)}\n\`\`\``,
    usage,
  });
  await tab.say("wide");
  await tab.answered();
  for (const what of [".table", ".code"]) {
    const area = tab.lastAnswer
      .locator(`${what} .scrolling, ${what}.scrolling, .scrolling:has(${what.slice(1)})`)
      .first();
    await area.and(tab.page.locator("[data-after]")).waitFor();
    await area.evaluate((element) => element.scrollTo(element.scrollWidth, 0));
    await area.and(tab.page.locator("[data-before]:not([data-after])")).waitFor();
  }
  await tab.lastAnswer.getByRole("button", { name: "Wrap long lines" }).click();
  await tab.page.waitForFunction(() => {
    const area = document.querySelector(".code .scrolling, .code pre");
    return area && area.scrollWidth <= area.clientWidth + 1;
  });
  const left = (selector: string) =>
    tab.lastAnswer
      .locator(selector)
      .first()
      .evaluate((one) => one.getBoundingClientRect().left);
  expect(Math.abs((await left(".task")) - (await left(".prose p")))).toBeLessThan(2);
  expect((await left("li li .task")) - (await left(".task"))).toBeGreaterThan(16);
  expect(tab.complaints).toEqual([]);
  await reader.close();
});

test("in a wide table many words have room but not all of it, code has some, and numbers are not broken", async () => {
  const row = `| 1 | Dnipro | 2024-05-01 | 1,234.50 | 1 234 567 km | ${"many words ".repeat(30)} | \`npm install --save-exact rozmova\` | ${"x".repeat(200)} |`;
  await converse("table", `|${" head |".repeat(8)}\n|${"---|".repeat(8)}\n${row}`);
  const cells = await story.tab.lastAnswer.locator("td").evaluateAll((all) =>
    all.map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      return { width: cell.clientWidth, lines: tops.size };
    }),
  );
  expect(cells.map(({ lines }) => lines).slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
  const [, , , , , words, code, letters] = cells.map(({ width }) => width);
  expect(words).toBeGreaterThanOrEqual(18 * 16);
  expect(words).toBeLessThanOrEqual(30 * 16);
  expect(code).toBeGreaterThanOrEqual(10 * 16);
  expect(letters).toBeLessThanOrEqual(30 * 16);
});

test("in colours of the reader's own nothing loses its mark: row, bubble, buttons, chosen theme, the field that has the focus", async () => {
  await story.tab.page.emulateMedia({ forcedColors: "active" });
  await converse("forced", "Yes.");
  for (const bordered of [".bubble", ".send", ".cost"])
    expect(await styleOf(bordered, "border-top-style")).toBe("solid");
  const outlined = [".session-row[data-current=true] > a", ".choices button[aria-pressed=true]", ".composer"];
  await story.tab.composer.focus();
  for (const one of outlined)
    expect({ one, style: await styleOf(one, "outline-style") }).toEqual({ one, style: "solid" });
});

test("on paper the whole conversation stands without the page around it, or the receipt alone", async () => {
  for (let turn = 0; turn < 3; turn++) await converse(`question ${turn}`, "A paragraph.\n\n".repeat(30));
  const { page } = story.tab;
  // The print itself opens nothing here: what it would show is looked at.
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  for (const hidden of [".sidebar", ".foot"]) expect(await styleOf(hidden, "display")).toBe("none");
  for (const tool of [".message-tools .icon-button", ".toast", ".header .icon-button"])
    expect(await page.locator(tool).filter({ visible: true }).count()).toBe(0);
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  const last = await box(".answer", 2);
  expect(last.bottom).toBeLessThanOrEqual(height + 1);
  expect((await box(".question", 0)).top).toBeLessThan(last.bottom - 1_000);
  await page.emulateMedia({ media: "screen" });
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  await story.tab.lastCost.click();
  await page.locator(".receipt").waitFor();
  // A headless browser's print() comes back at once, and its page is as it was.
  await page.evaluate(() => {
    window.print = () => {
      document.documentElement.dataset.printed = document.documentElement.dataset.print;
      window.dispatchEvent(new Event("afterprint"));
    };
  });
  await page.locator(".receipt-actions").getByRole("button", { name: "Print" }).click();
  expect(await page.evaluate(() => ({ ...document.documentElement.dataset }))).toMatchObject({ printed: "receipt" });
  expect(await page.evaluate(() => document.documentElement.dataset.print)).toBeUndefined();
  await page.evaluate(() => {
    document.documentElement.dataset.print = "receipt";
  });
  await page.emulateMedia({ media: "print" });
  expect(await styleOf(".page", "display")).toBe("none");
  expect(await page.locator(".receipt").isVisible()).toBe(true);
});

test("the end of a long answer styles its last block anew, not all of it; menus that are closed have no entries on the page", async () => {
  story.server.emulator.play({ text: "Some words of a paragraph.\n\n".repeat(120), chunks: 40, delayMs: 40, usage });
  await story.tab.say("long");
  await story.tab.page.locator(".prose .block.live").waitFor();
  await story.tab.page.waitForFunction(() => document.querySelectorAll(".prose .block").length > 20);
  expect(await story.tab.page.locator(".live").count()).toBe(1);
  expect(
    await story.tab.page.evaluate(() =>
      [...document.querySelectorAll(".prose .block")].at(-1)?.classList.contains("live"),
    ),
  ).toBe(true);
  await story.tab.answered();
  expect(await story.tab.page.locator(".live").count()).toBe(0);
  await story.tab.lastAnswer.locator(".again summary").waitFor();
  expect(await story.tab.page.locator(".again li").count()).toBe(0);
});
