// What stands around a conversation stays calm: the line over the composer is short, and what comes or goes moves nothing that is read.

import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { languages } from "../web/text/language.ts";
import { tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";
import { watchShift } from "./page-shift.ts";

const story = tellBrowserStory();

/** In place, as the reader does it, also where the choice is in a drawer that is closed. */
async function speak(page: Page, language: string): Promise<void> {
  await page
    .getByRole("combobox", { includeHidden: true })
    .first()
    .evaluate((choice, name) => {
      (choice as HTMLSelectElement).value = name;
      choice.dispatchEvent(new Event("change", { bubbles: true }));
    }, language);
  await page.waitForFunction((name) => document.documentElement.lang === name, language);
}

test("in every language the line over the composer has two lines at most, and nothing of it is cut", async () => {
  const { page } = story.tab;
  await page.locator(".setup-line .retires").waitFor();
  await page.locator(".setup-line .thinks").waitFor();
  for (const language of languages) {
    await speak(page, language);
    const line = await page.locator(".before-first").evaluate((element) => {
      const facts = element.querySelector(".setup-facts")!;
      return { height: element.getBoundingClientRect().height, cut: facts.scrollWidth - facts.clientWidth };
    });
    expect(line.height, language).toBeLessThan(64);
    expect(line.cut, language).toBeLessThanOrEqual(0);
  }
});

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

  const other = ["ru-RU", "he", "ar"];
  const latin = ["tr-TR", "az", "en-US@posix"];
  for (const [keyboard, languages, key, code, shiftKey = false, isSearch = true] of [
    ["ukrainian", ["en-US", "uk"], ".", "Slash"],
    ["russian", other.slice(0, 1), ".", "Slash"],
    ["hebrew", other.slice(1), ".", "Slash"],
    ["arabic", latin, "ظ", "Slash"],
    ["german", latin, "/", "Digit7", true],
    ["turkish", latin, "/", "Digit7", true],
    ["turkish", latin, ".", "Slash", false, false],
    ["german", other, "-", "Slash", false, false],
    ["czech", other, "é", "Slash", false, false],
    ["english", other, ".", "Period", false, false],
    ["ukrainian", other, ",", "Slash", true, false],
  ] as const) {
    await tab.page.evaluate((value) => {
      Object.defineProperty(navigator, "languages", { value, configurable: true });
      document.querySelector<HTMLElement>(".scroller")!.focus();
    }, languages);
    const left = await press(key, { code, shiftKey });
    const isThere = await tab.page.evaluate(async () => {
      for (let turn = 0; turn < 10; turn++) await null;
      return document.activeElement?.id === "search";
    });
    expect({ keyboard, key, left, isThere }).toEqual({ keyboard, key, left: !isSearch, isThere: isSearch });
  }
  // The page's own language says it too.
  await speak(tab.page, "uk");
  await tab.page.locator(".scroller").focus();
  expect(await press(".", { code: "Slash" })).toBe(false);
});

const long = Array.from(
  { length: 40 },
  (_, index) => `Paragraph ${index}, which is read and may wrap on a phone.`,
).join("\n\n");
const screens = [
  { name: "desktop", viewport: { width: 1280, height: 800 } },
  { name: "phone", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
];

test.each(screens)(
  "$name: a server that is away, a quote and a refusal move nothing that is read",
  async ({ name: _, ...options }) => {
    const reader = await newReader(story.browser, { ...options, locale: "de-DE" });
    const tab = await newTab(reader);
    const { page } = tab;
    await page.addInitScript(() => localStorage.setItem("rozmova.warn", "0.0000001"));
    await tab.open(story.server.url);
    const send = async (words: string) => {
      await tab.composer.fill(words);
      await page.locator(".send").click();
    };
    story.server.emulator.play({ text: long, usage });
    await page.locator(".temporary-choice").click();
    const bar = page.locator(".temporary-bar");
    await bar.waitFor();
    const { height } = (await bar.boundingBox())!;
    await send("Read me");
    await tab.answered();
    expect((await bar.boundingBox())!.height).toBe(height);
    await page.locator(".scroller").evaluate((element) => element.scrollTo({ top: 300 }));
    const shifted = await watchShift(page);
    const places = () =>
      page.evaluate(() =>
        [".header", ".scroller", ".composer"].map((at) => document.querySelector(at)!.getBoundingClientRect().top),
      );
    const before = await places();

    await tab.composer.fill("What will this cost?");
    await page.locator(".next-cost .dear").waitFor();
    expect(await places()).toEqual(before);
    await tab.composer.fill("");
    await page.locator(".next-cost .dear").waitFor({ state: "detached" });
    await reader.setOffline(true);
    await tab.composer.fill("Written in a tunnel");
    await page.locator(".banner.gone").waitFor();
    expect(await places()).toEqual(before);
    await reader.setOffline(false);
    await page.locator(".banner.gone").waitFor({ state: "detached" });
    story.server.emulator.play({ fault: "bad-argument" });
    await send("Refused");
    await page.getByRole("alert").waitFor();

    expect(await places()).toEqual(before);
    const { sum, from } = await shifted();
    if (sum >= 0.05) expect(from).toEqual([]);
    await reader.close();
  },
);

test("a dear message is told on a phone in one line, with a way out for a finger, in every language", async () => {
  const reader = await newReader(story.browser, screens[1]);
  const tab = await newTab(reader);
  await tab.page.addInitScript(() => localStorage.setItem("rozmova.warn", "0.0000001"));
  await tab.open(story.server.url);
  story.server.emulator.play({ text: "Yes.", usage });
  await tab.composer.fill("hello");
  await tab.page.locator(".send").click();
  await tab.answered();
  const { y } = (await tab.composer.boundingBox())!;
  await tab.composer.fill("And then?");
  const link = tab.page.locator(".next-cost .link");
  await link.waitFor();
  for (const language of languages) {
    await speak(tab.page, language);
    const cut = await tab.page.evaluate(() =>
      [...document.querySelectorAll(".next-cost > *")].map((one) => one.scrollWidth - one.clientWidth),
    );
    expect({ language, cut }).toEqual({ language, cut: [0, 0] });
    expect((await link.boundingBox())!.height).toBeGreaterThanOrEqual(44);
    expect((await tab.composer.boundingBox())!.y).toBe(y);
    await link.click();
    await tab.page.getByRole("dialog").waitFor();
    await tab.page.keyboard.press("Escape");
    await tab.page.getByRole("dialog").waitFor({ state: "detached" });
  }
  await reader.close();
});

test("a room without the server says so; a dialog of the longest name is as wide as the screen at most, and can be closed", async () => {
  const name = "Ш".repeat(100);
  const body = JSON.stringify({ name, user: "o".repeat(120) });
  const headers = { "content-type": "application/json" };
  const made = await fetch(`${story.server.url}/keys`, { method: "POST", headers, body });
  expect(made.status).toBe(201);
  const reader = await newReader(story.browser, {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
  });
  const { page } = await newTab(reader);
  await page.goto(`${story.server.url}/#/keys`);
  await page.getByRole("button", { name: "Change" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  expect(await dialog.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
  const { x, width } = (await dialog.getByRole("button", { name: "Close" }).boundingBox())!;
  expect(x + width).toBeLessThanOrEqual(360);
  await page.route("**/me", (route) => route.abort());
  await page.goto(`${story.server.url}/?away#/usage`);
  await page.getByText("The server could not be reached.").waitFor();
  await reader.close();
});

test.each(screens)(
  "$name: a note stands over nothing that is read, moves nothing, waits for who is at it, and is within reach by keyboard",
  async ({ name, ...options }) => {
    const headers = { "content-type": "application/json" };
    for (const title of ["eins", "zwei"])
      await fetch(`${story.server.url}/sessions`, {
        method: "POST",
        headers,
        body: JSON.stringify({ title: `${title} ${name}` }),
      });
    const reader = await newReader(story.browser, { ...options, locale: "de-DE" });
    const tab = await newTab(reader);
    const { page } = tab;
    await tab.open(story.server.url);
    story.server.emulator.play({ text: long, usage });
    await tab.composer.fill("Read me");
    await page.locator(".send").click();
    await tab.answered();
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
    });
    const shifted = await watchShift(page);
    const note = page.locator(".toast");
    const isOverHeader = async () => {
      await note.evaluate((element) => Promise.all(element.getAnimations().map((one) => one.finished)));
      const { y, height } = (await note.boundingBox())!;
      const header = (await page.locator(".header").boundingBox())!;
      expect(y).toBeGreaterThanOrEqual(header.y);
      expect(y + height).toBeLessThanOrEqual(header.y + header.height);
    };
    await tab.lastAnswer.locator(".message-tools .icon-button").first().click();
    await note.waitFor();
    await isOverHeader();
    const { sum, from } = await shifted();
    if (sum > 0) expect(from).toEqual([]);
    // However much it says.
    await note.locator("span").evaluate((element) => {
      element.textContent = "Der Anbieter des Modells begrenzt die Anfragen. ".repeat(9);
    });
    await isOverHeader();
    await note.getByRole("button").press("Enter");
    await note.waitFor({ state: "detached" });

    // Two at once: the newer first, unless the reader is at the other; each can be taken back by keyboard.
    await page.locator(name === "phone" ? ".header .menu" : "#composer").click();
    const row = (title: string) => tab.sessionLinks.filter({ hasText: title });
    await row(`zwei ${name}`).press("Delete");
    await note.waitFor();
    await isOverHeader();
    const undo = note.getByRole("button", { name: "Rückgängig" });
    const isAtUndo = () => undo.evaluate((button) => button === document.activeElement);
    for (let tabs = 0; tabs < 30 && !(await isAtUndo()); tabs++) await page.keyboard.press("Tab");
    await row(`eins ${name}`).dispatchEvent("keydown", { key: "Delete", code: "Delete" });
    await row(`eins ${name}`).waitFor({ state: "detached" });
    expect(await isAtUndo()).toBe(true);
    await page.keyboard.press("Enter");
    await row(`zwei ${name}`).waitFor({ state: "attached" });
    await note.getByText("In den Papierkorb verschoben.").waitFor();
    await note.getByRole("button", { name: "Rückgängig" }).press("Enter");
    await row(`eins ${name}`).waitFor({ state: "attached" });
    await reader.close();
  },
);

test("the same note twice is one note, not two one after the other", async () => {
  const { tab } = story;
  story.server.emulator.play({ text: "Copy me.", usage });
  await tab.say("Something to copy");
  await tab.answered();
  await tab.page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
  });
  const copy = tab.lastAnswer.getByRole("button", { name: "Copy the message" });
  for (let time = 1; time <= 3; time++) await copy.press("Enter");
  await tab.page.locator(".toast").getByRole("button", { name: "Dismiss" }).press("Enter");
  await tab.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  expect(await tab.page.locator(".toast").count()).toBe(0);
});
