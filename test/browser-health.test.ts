// What every reader of the server's rooms may see: its models with their prices, how it is, and what its audit says.

import { expect, test } from "bun:test";
import { loadPage } from "../web/build.ts";
import { tellBrowserStory, turnOf } from "./browser-story.ts";
import { testClock } from "./clock.ts";
import { startHttp } from "./http-assembly.ts";

const story = tellBrowserStory();
const goTo = (room: string) => story.tab.page.goto(`${story.server.url}/#/${room}`);

test("models and prices, and the server's health", async () => {
  await goTo("models");
  const row = story.tab.page.getByRole("row", { name: /Gemini 2\.5 Flash gemini-2\.5-flash/ });
  expect(await row.innerText()).toMatch(/\$0\.30\s+\$0\.030\s+\$2\.50/);
  // Where each price is from is said in words, whether or not there is an address.
  expect(await row.innerText()).toContain("Rozmova’s list\nread on 7 Oct 2026");
  await row.getByText("Rozmova’s list").click();
  await row.getByText("vendor pricing page, copy of 2026-10-07").waitFor();
  await story.tab.page.getByRole("link", { name: "Health" }).click();
  await story.tab.page.getByText("takes what is written").waitFor();
  await story.tab.page.getByText("no key is needed here").waitFor();
  await story.tab.page.getByText("Gemini 2.5 Flash: 1 Dec 2026 → ").waitFor();
  // Looked at again while it is open.
  const running = story.tab.page.locator(".facts > div", { hasText: "Answers being written" });
  expect(await running.innerText()).toMatch(/0$/);
  story.server.emulator.play({ text: "one two three", chunks: 3, delayMs: 60_000 });
  const post = (path: string, body: object) =>
    fetch(story.server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const { id } = (await (await post("/sessions", {})).json()) as { id: string };
  const answer = await post(`/sessions/${id}/messages`, { content: "y", stream: true });
  await running.getByText("1", { exact: true }).waitFor();
  await post(`/turns/${await turnOf(answer)}/stop`, {});
});

test("the audit says of a line how often it happened, as the reader writes numbers, and nothing of what happened once", async () => {
  const server = await startHttp({ page: loadPage });
  const note = { project: null, keyId: null, target: null, at: testClock() };
  await server.store.noteAudit([
    { ...note, action: "key.refused", count: 12_345 },
    { ...note, action: "token.refused", count: 2 },
    { ...note, action: "token.created", count: 1 },
  ]);
  const { page } = story.tab;
  await page.goto(`${server.url}/#/audit`);
  await page.locator("tbody tr").nth(2).waitFor();
  const said = await page.locator("tbody th").allInnerTexts();
  expect(said.map((words) => words.replace(/\s+/g, " ")).sort()).toEqual([
    "Key refused × 12,345 key.refused",
    "Token made token.created",
    "Token refused × 2 token.refused",
  ]);
  await page.getByLabel("Language").selectOption("uk");
  await page.getByText("× 12\u00a0345").waitFor();
  await server.stop();
});
