// Long answers as they stream in: what has been written stays as it is and where it is, and only the piece that is being written is drawn again.

import { expect, test } from "bun:test";
import { tellBrowserStory, usage } from "./browser-story.ts";
import { longAnswers } from "./long-answers.ts";
import { watchShift } from "./page-shift.ts";
import { watchTasks } from "./page-tasks.ts";

const story = tellBrowserStory();
/** Promised is 0.05. */
const mostShift = 0.03;
/** Elements that one change of the page may take off it: a piece that is being written, or one that gets its colours. */
const mostRedrawn = 900;

/** Counts from now on what each change of the page puts on and takes off the messages. */
function watchChanges(): Promise<void> {
  return story.tab.page.evaluate(() => {
    const most = { added: 0, removed: 0 };
    Object.assign(globalThis, { most });
    const count = (nodes: NodeList) =>
      [...nodes].reduce((sum, node) => sum + (node instanceof Element ? 1 + node.querySelectorAll("*").length : 0), 0);
    new MutationObserver((changes) => {
      let added = 0;
      let removed = 0;
      for (const { addedNodes, removedNodes, target } of changes) {
        // What KaTeX draws in the place of a source is not drawn again.
        if (target instanceof Element && target.classList.contains("formula")) continue;
        added += count(addedNodes);
        removed += count(removedNodes);
      }
      most.added = Math.max(most.added, added);
      most.removed = Math.max(most.removed, removed);
    }).observe(document.querySelector(".messages")!, { subtree: true, childList: true });
  });
}

for (const [name, text] of Object.entries(longAnswers))
  test(`${name}, 20 KB: nothing that is read moves, and little is drawn again, from the first word to the bill`, async () => {
    story.server.emulator.play({ text: "Before.", usage }, { text, chunks: 120, delayMs: 8, usage });
    await story.tab.say("first");
    await story.tab.answered();
    await watchChanges();
    const shift = await watchShift(story.tab.page);
    await story.tab.say("stream");
    await story.tab.answered();
    // Nothing of it was shown as it came: no signs of Markdown, no source of a formula.
    expect(await story.tab.lastAnswer.locator(".plain, .formula > code").count()).toBe(0);
    const { sum, from } = await shift();
    expect({ most: sum < mostShift ? 0 : sum, from: sum < mostShift ? [] : from }).toEqual({ most: 0, from: [] });
    const { added, removed } = await story.tab.page.evaluate(
      () => (globalThis as unknown as { most: { added: number; removed: number } }).most,
    );
    expect(added).toBeLessThan(mostRedrawn);
    expect(removed).toBeLessThan(mostRedrawn);
  });

/** Formulas that those who hear the answer may get in one task: some chapters' worth, a tenth of what the answer has. */
const mostHeard = 24;

test("formulas are there for those who hear them when the answer is said to be complete, and come to them in portions", async () => {
  await story.tab.page.evaluate(() => {
    const heard: { formulas: number; busy: boolean }[] = [];
    Object.assign(globalThis, { heard });
    const look = () => {
      const answer = [...document.querySelectorAll("article.answer")].at(-1);
      const formulas = [...(answer?.querySelectorAll(".katex-mathml") ?? [])];
      const shown = formulas.filter((formula) => getComputedStyle(formula).display !== "none").length;
      heard.push({ formulas: shown, busy: answer?.getAttribute("aria-busy") === "true" });
      between.port2.postMessage(null);
    };
    const between = new MessageChannel();
    between.port1.onmessage = look;
    look();
  });
  story.server.emulator.play({ text: longAnswers.formulas!, chunks: 20, delayMs: 8, usage });
  await story.tab.say("what is heard");
  await story.tab.answered();
  const heard = await story.tab.page.evaluate(
    () => (globalThis as unknown as { heard: { formulas: number; busy: boolean }[] }).heard,
  );
  const from = heard.findLastIndex(({ busy }) => busy);
  expect(heard.at(-1)).toEqual({ formulas: 180, busy: false });
  expect(heard.slice(from + 1).every(({ formulas }) => formulas === 180)).toBe(true);
  const steps = heard.slice(1).map(({ formulas }, index) => formulas - heard[index]!.formulas);
  expect(Math.max(...steps)).toBeLessThan(mostHeard);
});

/** Elements that a frame may give a style while an answer grows; a rule that looks through the page for something makes it a thousand and more. */
const mostStyled = 400;

test("while an answer grows, its frames give a style to what is new and not to the whole page", async () => {
  story.server.emulator.play({ text: longAnswers["everything a little"]!, chunks: 60, delayMs: 8, usage });
  const tasks = await watchTasks(story.tab.page);
  await story.tab.say("styled");
  await story.tab.answered();
  const styled = (await tasks()).map((task) => task.styled).filter((elements) => elements > 0);
  expect(styled.length).toBeGreaterThan(10);
  // One or two may have another reason: a menu's words, the bill.
  expect(styled.toSorted((a, b) => b - a)[2]).toBeLessThan(mostStyled);
});

test("what is new of an answer is laid out in tasks of its own, so that the frames that paint it stay short", async () => {
  story.server.emulator.play({ text: longAnswers.formulas!, chunks: 60, delayMs: 8, usage });
  const tasks = await watchTasks(story.tab.page);
  await story.tab.say("laid out");
  await story.tab.answered();
  const sum = (some: readonly { styled: number }[]) => some.reduce((all, { styled }) => all + styled, 0);
  const all = await tasks();
  expect(sum(all)).toBeGreaterThan(5_000);
  expect(sum(all.filter(({ painted }) => painted)) / sum(all)).toBeLessThan(0.3);
});

/** Boxes that a script may have laid out in the middle of a change; the rest is the browser's own, once, when all is changed. */
const mostForced = 150;

test("another language changes all words of a long conversation, and no script has it laid out in the middle", async () => {
  story.server.emulator.always({ text: longAnswers["everything a little"]!.slice(0, 1_500), usage });
  for (let turn = 0; turn < 12; turn++) {
    await story.tab.say(`question ${turn}`);
    await story.tab.answered();
  }
  const tasks = await watchTasks(story.tab.page);
  await story.tab.page.locator("select").filter({ hasText: "Українська" }).selectOption("uk");
  await story.tab.page.locator("html[lang=uk]").waitFor({ state: "attached" });
  await story.tab.page.getByText("Нова розмова").first().waitFor();
  expect(Math.max(...(await tasks()).map(({ forced }) => forced))).toBeLessThan(mostForced);
});
