// The list of conversations in the page: in the order of their use, pinned, several at once, searched, and with marks for what is new.

import { expect, test } from "bun:test";
import { slow, tellBrowserStory, usage } from "./browser-story.ts";
import { eventually } from "./client.ts";
import { newTab } from "./page.ts";

const story = tellBrowserStory();

const titles = () => story.tab.page.locator(".session-row .title").allInnerTexts();
/** Until the list has just these, in this order: its rows come a frame after what they are about. */
const listed = (...names: string[]) => eventually(titles, (now) => now.join() === names.join());
const headers = { "content-type": "application/json" };
async function post<T = { id: string }>(path: string, body: object = {}): Promise<T> {
  const response = await fetch(story.server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.json() as Promise<T>;
}
/** Conversations of this test alone in the list: all others go to the trash. */
async function begin(...names: string[]): Promise<string[]> {
  const all = (await (await fetch(`${story.server.url}/sessions?limit=100`)).json()) as { data: { id: string }[] };
  for (const { id } of all.data) await fetch(`${story.server.url}/sessions/${id}`, { method: "DELETE" });
  const ids: string[] = [];
  for (const title of names) ids.push((await post("/sessions", { title })).id);
  await story.tab.page.reload();
  await story.tab.page.waitForFunction((n) => document.querySelectorAll(".session-row").length === n, names.length);
  return ids;
}
const row = (title: string) => story.tab.page.locator(".session-row", { hasText: title });

test("a message moves a conversation to the top, in this tab and in another; a rename does not", async () => {
  await begin("alpha", "beta", "gamma");
  await listed("gamma", "beta", "alpha");
  const other = await newTab(story.reader);
  await other.open(story.server.url);
  story.server.emulator.play({ text: "Hi.", usage });
  await row("alpha").locator("a").click();
  await story.tab.say("hello");
  await story.tab.answered();
  await listed("alpha", "gamma", "beta");
  await other.page.waitForFunction(() => document.querySelector(".session-row .title")?.textContent === "alpha");
  await row("beta").hover();
  await row("beta").getByRole("button", { name: "Rename" }).click();
  await story.tab.page.getByLabel("Title of the conversation").fill("renamed");
  await story.tab.page.keyboard.press("Enter");
  await row("renamed").waitFor();
  await listed("alpha", "gamma", "renamed");
});

test("a pinned conversation stands above all others, also after a reload", async () => {
  await begin("alpha", "beta", "gamma");
  await row("alpha").hover();
  await row("alpha").getByRole("button", { name: "Pin", exact: true }).click();
  await story.tab.page.locator("h2", { hasText: "Pinned" }).waitFor();
  await listed("alpha", "gamma", "beta");
  await story.tab.page.reload();
  await story.tab.page.locator("h2", { hasText: "Pinned" }).waitFor();
  await listed("alpha", "gamma", "beta");
  await row("alpha").locator("a").focus();
  await story.tab.page.keyboard.press("p");
  await story.tab.page.locator("h2", { hasText: "Pinned" }).waitFor({ state: "detached" });
  await listed("gamma", "beta", "alpha");
});

test("several conversations go to the trash together, and come back together", async () => {
  await begin("alpha", "beta", "gamma");
  await story.tab.button("Choose several").click();
  await story.tab.page.getByLabel("Choose alpha").check();
  await story.tab.page.getByLabel("Choose gamma").check();
  await story.tab.page.getByRole("toolbar").getByRole("button", { name: "Move to trash" }).click();
  await story.tab.page.getByText("2 conversations moved to trash.").waitFor();
  await listed("beta");
  await story.tab.page.locator(".toast").getByRole("button", { name: "Undo" }).click();
  await row("gamma").waitFor();
  await listed("gamma", "beta", "alpha");
});

test("from hit to hit in a conversation, also to those that are not loaded", async () => {
  const [id] = await begin("long");
  for (let turn = 0; turn < 32; turn++) {
    story.server.emulator.play({ text: turn === 3 || turn === 30 ? "A quokka smiles." : "Nothing.", usage });
    await post(`/sessions/${id}/messages`, { content: `question ${turn}` });
  }
  await story.tab.page.locator("#search").fill("quokka");
  await story.tab.page.locator("mark").first().waitFor();
  await story.tab.page.locator(".session-row > a").first().click();
  const bar = story.tab.page.locator(".find-bar");
  await bar.getByText("1 of 1+").waitFor();
  await bar.getByRole("button", { name: "Previous hit" }).click();
  await bar.getByText("1 of 2").waitFor();
  await story.tab.page.waitForFunction(() =>
    [...document.querySelectorAll(".answer")].some((answer) => {
      const { top, bottom } = answer.getBoundingClientRect();
      return answer.textContent?.includes("quokka") && top >= 0 && bottom <= innerHeight;
    }),
  );
  await bar.getByRole("button", { name: "Next hit" }).click();
  await bar.getByText("2 of 2").waitFor();
  await bar.getByRole("button", { name: "Close" }).click();
  await bar.waitFor({ state: "detached" });
});

test("an answer that ends while the reader is elsewhere is marked, counted in the title, and said", async () => {
  await begin("alpha", "beta");
  story.server.emulator.play({ ...slow, delayMs: 30 });
  await row("alpha").locator("a").click();
  await story.tab.say("slowly");
  await story.tab.lastAnswer.getByText("word3").waitFor();
  await row("beta").locator("a").click();
  await story.tab.page.getByText("Answer ready: alpha").waitFor();
  await row("alpha").locator(".unread").waitFor();
  expect(await story.tab.page.title()).toStartWith("(1) ");
  await story.tab.page.locator(".toast").getByRole("button", { name: "Open" }).click();
  await row("alpha").locator(".unread").waitFor({ state: "detached" });
  expect(await story.tab.page.title()).not.toStartWith("(");
});
