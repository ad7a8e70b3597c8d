// What leaves: conversations erased for good, as files, temporary ones; and a title that a model makes, with its cost.

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

const { promptTokenCount, candidatesTokenCount, totalTokenCount } = usage;
const row = (title: string) => story.tab.page.locator(".session-row", { hasText: title });
const statusOf = async (id: string) => (await fetch(`${story.server.url}/sessions/${id}`)).status;
const openId = () => /#\/s\/([\w-]+)/.exec(story.tab.page.url())![1]!;
async function say(question: string, text = "Yes."): Promise<string> {
  story.server.emulator.play({ text, usage });
  await story.tab.say(question);
  await story.tab.answered();
  return openId();
}

/** What is written next begins another conversation. */
async function trashOpen(): Promise<void> {
  const id = openId();
  await story.tab.button("Move to trash").last().click();
  await story.tab.page.waitForFunction((gone) => !location.hash.includes(gone), id);
}

test("one conversation, then the whole trash, is deleted for good: after a question, and with its cost kept", async () => {
  const first = await say("first to go");
  await trashOpen();
  const second = await say("second to go");
  await trashOpen();
  await story.tab.page.getByRole("link", { name: "Trash" }).click();
  await row("first to go").hover();
  await row("first to go").getByRole("button", { name: "Delete for good" }).click();
  const dialog = story.tab.page.getByRole("dialog");
  await dialog.getByText("What it has cost stays in the books.").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect(await statusOf(first)).toBe(200);
  await row("first to go").hover();
  await row("first to go").getByRole("button", { name: "Delete for good" }).click();
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await row("first to go").waitFor({ state: "detached" });
  expect(await statusOf(first)).toBe(404);
  expect(await statusOf(second)).toBe(200);
  await story.tab.button("Empty the trash").click();
  await dialog.getByRole("button", { name: "Empty the trash" }).click();
  await story.tab.page.getByText("The trash is empty.").waitFor();
  expect(await statusOf(second)).toBe(404);
});

test("the trash has an address: a reload, the way back and a link keep it, beside the conversation that is open", async () => {
  const { tab, server } = story;
  const { page } = tab;
  const gone = await say("thrown away");
  await trashOpen();
  const kept = await say("kept");
  const head = page.locator(".trash-head");
  const rows = page.locator(".session-row .title");
  await page.getByRole("link", { name: "Trash" }).click();
  await head.waitFor();
  expect(page.url()).toBe(`${server.url}/#/trash/${kept}`);
  await tab.answers.getByText("Yes.").waitFor();
  await page.reload();
  await head.waitFor();
  await row("thrown away").getByRole("link").click();
  await page.getByText("This conversation is in the trash.").waitFor();
  expect(page.url()).toBe(`${server.url}/#/trash/${gone}`);
  expect(await rows.allInnerTexts()).toContain("thrown away");
  await page.goBack();
  expect(page.url()).toBe(`${server.url}/#/trash/${kept}`);
  await page.getByRole("link", { name: "Back to conversations" }).first().click();
  await row("kept").waitFor();
  await head.waitFor({ state: "detached" });
  expect(page.url()).toBe(`${server.url}/#/s/${kept}`);
  expect(await rows.allInnerTexts()).not.toContain("thrown away");
  await page.goto(`${server.url}/#/trash`);
  await head.waitFor();
  await page.waitForFunction(() => document.title === "Trash · Rozmova");
  // What is brought back and opened is in the trash no more.
  await row("thrown away").getByRole("link").click();
  await page.locator("main").getByRole("button", { name: "Restore" }).click();
  await page.waitForURL(`${server.url}/#/s/${gone}`);
  await head.waitFor({ state: "detached" });
  // Where the list is a drawer, the address opens it.
  const phone = await newTab(await newReader(story.browser, { viewport: { width: 360, height: 740 } }));
  await phone.page.goto(`${server.url}/#/trash`);
  await phone.page.locator(".trash-head").waitFor();
  expect(await phone.page.locator("nav.sidebar").getAttribute("data-open")).toBe("true");
  await phone.page.context().close();
});

test("a conversation is saved as a file, under its title in any script", async () => {
  await say("Борщ на двох", "Буряк.");
  await story.tab.button("Settings").click();
  for (const [name, ending] of [
    ["Save as JSON", "json"],
    ["Save as Markdown", "md"],
  ] as const) {
    const download = story.tab.page.waitForEvent("download");
    await story.tab.button(name).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`Борщ на двох.${ending}`);
    expect(await readFile((await file.path())!, "utf8")).toContain("Буряк.");
  }
});

test("a conversation that was saved comes back from its file; what is no such file is refused", async () => {
  story.expected = /409/; // it is here already, and comes as a copy
  const id = await say("Ключ від хати", "Під килимком.");
  await story.tab.button("Settings").click();
  const download = story.tab.page.waitForEvent("download");
  await story.tab.button("Save as JSON").click();
  const file = await readFile((await (await download).path())!);
  await story.tab.page.keyboard.press("Escape");
  await story.tab.page.locator(".new-conversation").click();
  const field = story.tab.page.locator("input[type=file]");
  await field.setInputFiles({ name: "a.json", mimeType: "application/json", buffer: Buffer.from("{") });
  await story.tab.page.getByText("This is not a conversation saved as JSON.").waitFor();
  await field.setInputFiles({ name: "b.json", mimeType: "application/json", buffer: file });
  await story.tab.lastAnswer.getByText("Під килимком.").waitFor();
  expect(openId()).not.toBe(id);
});

test("a temporary conversation is in no list, is erased when it is left, and is kept when asked", async () => {
  await story.tab.button("Temporary").click();
  const id = await say("between us");
  await story.tab.page.locator(".temporary-bar").waitFor();
  expect(await row("between us").count()).toBe(0);
  await story.tab.page.reload();
  await story.tab.page.locator(".temporary-bar").waitFor();
  await story.tab.page.locator(".new-conversation").click();
  await story.tab.page.getByText("Deleted for good.").waitFor();
  expect(await statusOf(id)).toBe(404);

  await story.tab.button("Temporary").click();
  const kept = await say("worth it");
  await story.tab.button("Keep it").click();
  await row("worth it").waitFor();
  await story.tab.page.locator(".new-conversation").click();
  await story.tab.page.reload();
  await row("worth it").waitFor();
  expect(await statusOf(kept)).toBe(200);
});

test("a temporary conversation whose tab was closed is erased at the next visit", async () => {
  await story.tab.button("Temporary").click();
  const id = await say("closed");
  const other = await story.reader.newPage();
  await story.tab.close();
  await other.goto(story.server.url);
  await other.getByText("Deleted for good.").waitFor();
  expect(await statusOf(id)).toBe(404);
});

test("a model makes a title when asked to, and what it cost is said", async () => {
  await say("tell me about kettles");
  story.server.emulator.play({ text: "Kettles", usage: { promptTokenCount, candidatesTokenCount, totalTokenCount } });
  await story.tab.page.locator(".heading h1 button").click();
  await story.tab.button("Have a model name it").click();
  await story.tab.page.getByText(/^Titled for \d/).waitFor();
  await row("Kettles").waitFor();
  expect(await story.tab.page.locator(".heading h1").innerText()).toBe("Kettles");
});
