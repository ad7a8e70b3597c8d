// What stands around a conversation stays calm: the line over the composer is short, and what comes or goes moves nothing that is read.

import { expect, test } from "bun:test";
import { languages } from "../web/text/language.ts";
import { tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

test.each([...languages])(
  "in %s the line over the composer has two lines at most, and nothing of it is cut",
  async (language) => {
    const reader = await newReader(story.browser, { locale: language });
    const tab = await newTab(reader);
    await tab.open(story.server.url);
    await tab.page.locator(".setup-line .retires").waitFor();
    await tab.page.locator(".setup-line .thinks").waitFor();
    const line = await tab.page.locator(".before-first").evaluate((element) => {
      const facts = element.querySelector(".setup-facts")!;
      return { height: element.getBoundingClientRect().height, cut: facts.scrollWidth - facts.clientWidth };
    });
    expect(line.height).toBeLessThan(64);
    expect(line.cut).toBeLessThanOrEqual(0);
    await reader.close();
  },
);

test("single keys work in a keyboard of another script, and leave the browser's own combinations alone", async () => {
  const { tab } = story;
  story.server.emulator.play({ text: "Yes.", usage });
  await tab.say("Pin me");
  await tab.answered();
  await tab.sessionLinks.first().focus();
  const press = (key: string, more = {}) =>
    tab.page.evaluate(
      ([init]) =>
        document.activeElement!.dispatchEvent(
          new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }),
        ),
      [{ key, code: "KeyP", ...more }],
    );
  expect(await press("p", { ctrlKey: true })).toBe(true);
  expect(await press("p", { metaKey: true })).toBe(true);
  const heading = tab.page.getByRole("heading", { name: "Pinned" });
  expect(await heading.count()).toBe(0);
  expect(await press("з")).toBe(false);
  await heading.waitFor();
});
