// What the reader is told, where and in which words: what runs, what failed, what is not there, and that nobody real is answering.

import { expect, test } from "bun:test";
import { slow, tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";
import { startServer } from "./server.ts";

const story = tellBrowserStory();

test("the conversation's total counts while an answer is written", async () => {
  story.server.emulator.play({ ...slow, delayMs: 60 });
  await story.tab.say("count");
  await story.tab.page.waitForFunction(() => {
    const meter = document.querySelector(".meter")?.textContent;
    return meter && document.querySelector(".total-sum")?.textContent === meter;
  });
  await story.tab.answered();
});

test("the server's own words are English: a reader of another language meets theirs first, and these folded", async () => {
  const reader = await newReader(story.browser, { locale: "uk-UA" });
  const tab = await newTab(reader);
  await tab.open(story.server.url);
  story.server.emulator.play({ fault: "bad-argument" });
  await tab.say("помилка");
  const problem = tab.lastAnswer.locator(".problem");
  await problem.waitFor();
  expect(await problem.locator("p").first().innerText()).toMatch(/^[^a-z]*$/i);
  const details = problem.locator("details");
  expect(await details.getAttribute("open")).toBeNull();
  await details.locator("summary").click();
  expect(await details.locator("[lang=en]").innerText()).toMatch(/[a-z]{4}/);
  await reader.close();
});

test("an address of nothing has a title, says so, and leads on", async () => {
  story.expected = /404/;
  await story.tab.page.goto(`${story.server.url}/#/s/01939c5e-7b1a-7c3d-9f20-0c1d2e3f4a5b`);
  await story.tab.page.getByText("There is no such conversation").waitFor();
  expect(await story.tab.page.locator("h1").innerText()).toBe("Rozmova");
  await story.tab.page.locator(".problem").getByRole("link", { name: "New conversation" }).click();
  await story.tab.page.getByText("What shall we talk about?").waitFor();
});

test("a conversation that is being opened never has an empty title", async () => {
  story.server.emulator.play({ text: "Yes.", usage });
  await story.tab.say("with a title");
  await story.tab.answered();
  const tab = await newTab(story.reader);
  await tab.page.addInitScript(() => {
    const titles: string[] = [];
    Object.assign(globalThis, { titles });
    new MutationObserver(() => {
      const title = document.querySelector("h1");
      if (title) titles.push(title.textContent ?? "");
    }).observe(document, { childList: true, subtree: true, characterData: true });
  });
  await tab.page.goto(story.tab.page.url());
  await tab.page.locator("h1", { hasText: "with a title" }).waitFor();
  const titles = await tab.page.evaluate(() => (globalThis as unknown as { titles: string[] }).titles);
  expect(titles.length).toBeGreaterThan(1);
  expect(titles.filter((title) => title.trim() === "")).toEqual([]);
});

test("Enter in the search opens the first hit, whose words are shown without their marks", async () => {
  story.server.emulator.play({ text: "## A river\n\nThe **Dnipro** flows.", usage });
  await story.tab.say("Where does it flow?");
  await story.tab.answered();
  await story.tab.page.goto(`${story.server.url}/#/`);
  await story.tab.page.getByText("What shall we talk about?").waitFor();
  await story.tab.page.locator("#search").fill("dnipro");
  const snippet = story.tab.page.locator(".session-row .snippet", { has: story.tab.page.locator("mark") }).first();
  await snippet.waitFor();
  expect(await snippet.innerText()).not.toMatch(/\*|#/);
  await story.tab.page.locator("#search").press("Enter");
  await story.tab.lastAnswer.getByText("flows.").waitFor();
});

test("the list over the page takes the focus, the page behind it is left alone, and Escape gives both back", async () => {
  const phone = await newReader(story.browser, {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  const tab = await newTab(phone);
  await tab.open(story.server.url);
  await tab.button("Open the list of conversations").click();
  await tab.page.waitForFunction(() => document.activeElement?.closest(".sidebar") !== null);
  expect(await tab.page.locator(".page").getAttribute("inert")).not.toBeNull();
  await tab.page.keyboard.press("Escape");
  await tab.page.locator(".page:not([inert])").waitFor();
  await tab.page.waitForFunction(() => document.activeElement?.classList.contains("menu"));
  await phone.close();
});

test("that nobody real answers is said, can be closed for good, and a small mark stays", async () => {
  const demo = await startServer({ settings: { GEMINI_API_KEY: "", GEMINI_BASE_URL: "" } });
  try {
    await story.tab.open(demo.url);
    const banner = story.tab.page.locator(".banner", { hasText: "Demo mode" });
    await banner.getByRole("button").click();
    await banner.waitFor({ state: "detached" });
    await story.tab.page.locator(".demo-mark").waitFor();
    await story.tab.page.reload();
    await story.tab.page.locator(".demo-mark").waitFor();
    expect(await banner.count()).toBe(0);
  } finally {
    await demo.stop();
  }
});
