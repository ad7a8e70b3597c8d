// By keyboard alone: what is done leads to what comes next, and never to nowhere, though the button that did it is gone.

import { test } from "bun:test";
import { tellBrowserStory, usage } from "./browser-story.ts";

const story = tellBrowserStory();

/** The focused element comes to match. */
const focusOn = (selector: string) =>
  story.tab.page.waitForFunction((one) => document.activeElement?.matches(one), selector, { timeout: 5_000 });
async function answer(act: () => Promise<unknown>, text: string): Promise<void> {
  story.server.emulator.play({ text, usage });
  await act();
  await story.tab.lastAnswer.getByText(text).waitFor();
  await story.tab.answered();
}

test("answers, versions and their undo", async () => {
  const { tab } = story;
  const { page } = tab;
  await answer(() => tab.say("hello"), "First.");
  const press = (selector: string) => page.locator(selector).last().press("Enter");
  const again = '.answer .icon-button[aria-label="Answer again"]';
  await answer(() => press(again), "Second.");
  await focusOn("#composer");
  await press(again.replace(".icon-button", "summary").replace('"Answer again"', '"Answer again with another model"'));
  await answer(() => press(".again li:first-child button"), "Third.");
  await focusOn("#composer");
  for (const [way, place, next] of [
    ["previous", "2/3", "previous"],
    ["previous", "1/3", "next"],
    ["next", "2/3", "next"],
    ["next", "3/3", "previous"],
  ]) {
    await press(`.answer .${way}`);
    await page.getByText(place!).waitFor();
    await focusOn(`.answer .${next}`);
  }
  await press('.answer [aria-label="Delete this version"]');
  await page.getByText("The version was deleted.").waitFor();
  await focusOn("#composer");
  await press(".toast .button");
  await page.getByText("3/3").waitFor();
  await focusOn("#composer");
  await press(".question .edit");
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await focusOn("#composer");
  await press(".question .edit");
  await answer(() => press(".question textarea"), "Edited.");
  await focusOn("#composer");
});

test("the list: renamed, pinned, put into the trash, chosen, restored", async () => {
  const { tab } = story;
  const { page } = tab;
  for (const words of ["one", "two", "three", "four"]) {
    await page.getByRole("link", { name: "New conversation" }).click();
    await answer(() => tab.say(words), `Answer to ${words}.`);
  }
  const row = (title: string) => tab.sessionLinks.filter({ hasText: title });
  const isOn = (title: string) => page.waitForFunction((name) => document.activeElement?.textContent === name, title);
  await row("two").press("F2");
  await page.keyboard.press("Escape");
  await isOn("two");
  await page.keyboard.press("F2");
  await page.keyboard.type("second");
  await page.keyboard.press("Enter");
  await isOn("second");
  await page.keyboard.press("p");
  await page.getByRole("heading", { name: "Pinned" }).waitFor();
  await isOn("second");
  await page.keyboard.press("p");
  await page.getByRole("heading", { name: "Pinned" }).waitFor({ state: "detached" });
  await isOn("second");
  await page.keyboard.press("Delete");
  await isOn("one");
  await page.locator(".list-head .select").press("Enter");
  await focusOn(".selecting button");
  await page.getByRole("checkbox", { name: "one" }).press("Space");
  await page.locator(".selecting button").last().press("Enter");
  await focusOn(".list-head .select");
  await page.getByRole("link", { name: "Trash" }).press("Enter");
  await page.locator(".session-row .row-tools button").first().press("Enter");
  await focusOn(".session-row > a");
  await page.locator(".session-row .row-tools button").first().press("Enter");
  await focusOn(".new-conversation");
});
