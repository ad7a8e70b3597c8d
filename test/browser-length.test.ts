// A long conversation: its end opens first, all of it can be read, and the page stays small while it is.

import { expect, test } from "bun:test";
import { tellBrowserStory } from "./browser-story.ts";

const story = tellBrowserStory();
const turns = 1_000;

test("2,000 messages can be read from the last to the first; under 20,000 elements are on the page, and the place is kept", async () => {
  const headers = { "content-type": "application/json" };
  const session = await (await fetch(`${story.server.url}/sessions`, { method: "POST" })).json();
  const text = "### An answer\n\nWith **some** words, a list:\n\n- one\n- two\n- `three`\n\nand an end.";
  story.server.emulator.always({ text, unchecked: true });
  for (let turn = 0; turn < turns; turn++) {
    const body = JSON.stringify({ content: `question ${turn}` });
    const answer = await fetch(`${story.server.url}/sessions/${session.id}/messages`, {
      method: "POST",
      headers,
      body,
    });
    expect(answer.status).toBe(201);
    await answer.body?.cancel();
  }
  const { page } = story.tab;
  await page.goto(`${story.server.url}/#/s/${session.id}`);
  await page.getByText(`question ${turns - 1}`).waitFor();

  const elements = () => page.evaluate(() => document.querySelectorAll("*").length);
  const scroller = page.locator(".scroller");
  let most = await elements();

  // What is read stays where it is when earlier messages come before it.
  await scroller.evaluate((area) => area.scrollTo(0, 1_500));
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".bubble")].some((bubble) => bubble.getBoundingClientRect().top < 0),
  );
  const read = await scroller.evaluate((area) => {
    area.scrollTo(0, 500);
    const { top } = area.getBoundingClientRect();
    const bubble = [...area.querySelectorAll(".bubble")].find((one) => one.getBoundingClientRect().top > top)!;
    return { words: bubble.textContent!, top: bubble.getBoundingClientRect().top, height: area.scrollHeight };
  });
  await page.waitForFunction(
    (height) => document.querySelector(".scroller")!.scrollHeight > height + 5_000,
    read.height,
  );
  const now = await page.getByText(read.words, { exact: true }).boundingBox();
  expect(Math.abs(now!.y - read.top)).toBeLessThan(4);
  // So does the focus, however far the reader goes from it.

  await page.getByText(read.words, { exact: true }).evaluate((bubble) => {
    bubble.closest(".message")!.querySelector("button")!.focus({ preventScroll: true });
  });

  const first = page.locator(".bubble", { hasText: /^question 0$/ });
  const deadline = Date.now() + 150_000;
  while ((await first.count()) === 0 && Date.now() < deadline) {
    await scroller.evaluate((area) => area.scrollTo(0, 0));
    await page.waitForFunction(
      () => document.querySelector(".older button:disabled") === null || document.querySelector(".older") === null,
    );
    expect(await page.getByRole("alert").allInnerTexts()).toEqual([]);
    most = Math.max(most, await elements());
  }
  await scroller.evaluate((area) => area.scrollTo(0, 0));
  await first.waitFor();
  expect(await page.evaluate(() => document.activeElement?.closest(".message")?.textContent)).toContain(read.words);
  expect(most).toBeLessThan(20_000);

  // Down again, a few screens at a time: what was taken off the page comes back, in order, and the view never jumps.
  let seen = 0;
  for (let step = 0; step < 12; step++) {
    const before = await scroller.evaluate((area) => {
      area.scrollBy(0, area.clientHeight * 4);
      return area.scrollTop;
    });
    await page.waitForFunction(() => {
      const area = document.querySelector(".scroller")!.getBoundingClientRect();
      const middle = document.elementFromPoint(area.left + area.width / 2, area.top + area.height / 2);
      return middle?.closest(".message, .messages .stretch:has(.message)") !== null;
    });
    const shown = await page.evaluate(() => {
      const area = document.querySelector(".scroller")!.getBoundingClientRect();
      return [...document.querySelectorAll(".bubble")]
        .filter((bubble) => bubble.getBoundingClientRect().top > area.top)
        .map((bubble) => Number(bubble.textContent?.replace("question ", "")))[0]!;
    });
    expect(shown).toBeGreaterThan(seen);
    seen = shown;
    expect(Math.abs((await scroller.evaluate((area) => area.scrollTop)) - before)).toBeLessThan(40);
  }
  await story.tab.composer.fill("still quick");
  expect(await elements()).toBeLessThan(20_000);
}, 240_000);
