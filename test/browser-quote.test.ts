// What a message will cost is said before it is sent: with what goes along, the reader's own limit, and the budgets in its way.

import { expect, test } from "bun:test";
import { tellBrowserStory, usage } from "./browser-story.ts";

const story = tellBrowserStory();
const next = () => story.tab.page.locator(".next-cost");
const headers = { "content-type": "application/json" };

async function begin(): Promise<void> {
  story.server.emulator.play({ text: "Yes.", usage });
  await story.tab.say("hello");
  await story.tab.answered();
}

test("a pause in writing shows the likely cost, which is gone with the words and while an answer runs", async () => {
  await begin();
  await story.tab.composer.fill("What does this cost?");
  await next()
    .getByText(/^≈ \d[\d.]*\s¢ · [\d,]+ tokens are sent$/)
    .waitFor();
  expect(await next().locator("span").getAttribute("title")).toMatch(/^Likely \$0\.\d+, at most \$0\.\d+$/);
  await story.tab.composer.fill("");
  await next().locator("span").waitFor({ state: "detached" });
});

test("above the reader's own limit it is marked", async () => {
  await begin();
  await story.tab.button("Settings").click();
  await story.tab.page.getByLabel(/Warn me before/).fill("0,0000001");
  await story.tab.page.keyboard.press("Escape");
  await story.tab.composer.fill("Dear?");
  await next().locator(".dear").waitFor();
});

test("a budget in its way is said before anything is sent, and how much of it is used is seen", async () => {
  await begin();
  const put = (usd: string) =>
    fetch(`${story.server.url}/budgets/project`, {
      method: "PUT",
      headers,
      body: JSON.stringify({ limits: [{ window: "total", usd }] }),
    });
  expect((await put("100")).status).toBe(200);
  await story.tab.composer.fill("With a budget");
  await story.tab.page.getByRole("meter", { name: "Budget used" }).waitFor({ state: "attached" });
  expect((await put("0.0000001")).status).toBe(200);
  await story.tab.composer.fill("Without room in it");
  await next().getByText("The budget is spent.").waitFor();
  await fetch(`${story.server.url}/budgets/project`, { method: "DELETE" });
});
