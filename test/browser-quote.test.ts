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

test("the first message of a conversation is priced before there is one, with what it would be told", async () => {
  const sessions = async () =>
    ((await (await fetch(`${story.server.url}/sessions?limit=100`)).json()) as { data: object[] }).data.length;
  const before = await sessions();
  await story.tab.composer.fill("What does the first one cost?");
  const words = next().getByText(/^≈ \d[\d.]*\s¢ · [\d,]+ tokens are sent$/);
  await words.waitFor();
  const alone = Number(/([\d,]+) tokens/.exec(await words.innerText())![1]!.replace(",", ""));
  await story.tab.button("Settings").click();
  await story.tab.page.getByLabel("Instructions for the model").fill("Answer like a captain of a ship. ".repeat(20));
  await story.tab.page.keyboard.press("Escape");
  await story.tab.page.waitForFunction((before) => {
    const shown = /([\d,]+) tokens/.exec(document.querySelector(".next-cost")?.textContent ?? "");
    return shown && Number(shown[1]!.replace(",", "")) > before + 50;
  }, alone);
  expect(await sessions()).toBe(before);
  expect(story.server.emulator.generateCalls()).toEqual([]);
});

test("Answer again says beside each model what its answer would likely cost, and asks for that once, when it is looked at", async () => {
  await begin();
  const quotes = () => story.server.emulator.calls.filter(({ verb }) => verb === "countTokens").length;
  const before = quotes();
  const menu = story.tab.lastAnswer.locator(".again");
  await menu.locator("summary").click();
  const likely = menu.locator(".likely");
  await likely
    .first()
    .getByText(/^≈ [\d.]+\s¢$/)
    .waitFor();
  await story.tab.page.waitForFunction(() =>
    [...document.querySelectorAll(".again .likely")].every((one) => /^≈ [$\d]/.test(one.textContent ?? "")),
  );
  expect(await likely.first().getAttribute("title")).toMatch(/^Likely \$0\.\d+, at most \$/);
  const asked = quotes();
  expect(asked - before).toBe(await likely.count());
  await story.tab.page.keyboard.press("Escape");
  await menu.locator("summary").click();
  await likely.first().getByText("≈").waitFor();
  expect(quotes()).toBe(asked);
  expect(story.server.emulator.generateCalls()).toHaveLength(1);
});

test("a budget is seen to fill before anything is written", async () => {
  const put = (usd: string) =>
    fetch(`${story.server.url}/budgets/project`, {
      method: "PUT",
      headers,
      body: JSON.stringify({ limits: [{ window: "total", usd }] }),
    });
  await begin();
  await put("100");
  await story.tab.page.reload();
  const meter = story.tab.page.getByRole("meter", { name: "Budget used" });
  await meter.waitFor({ state: "attached" });
  const filled = Number(await meter.getAttribute("aria-valuenow"));
  const { data } = (await (await fetch(`${story.server.url}/budgets`)).json()) as { data: { settled: string }[] };
  await put(String(Number(data[0]!.settled) * 2));
  await story.tab.page.reload();
  await story.tab.page.waitForFunction(
    () => document.querySelector(".budget-line")?.getAttribute("aria-valuenow") === "50",
  );
  expect(filled).toBeLessThan(50);
  await fetch(`${story.server.url}/budgets/project`, { method: "DELETE" });
});

test("a conversation's own budget is seen when it is opened, and is not when another is", async () => {
  await begin();
  const [, id] = /#\/s\/([\w-]+)/.exec(story.tab.page.url())!;
  await fetch(`${story.server.url}/budgets/session:${id}`, {
    method: "PUT",
    headers,
    body: JSON.stringify({ limits: [{ window: "total", usd: "0.01" }] }),
  });
  await story.tab.page.goto(`${story.server.url}/#/`);
  const meter = story.tab.page.getByRole("meter", { name: "Budget used" });
  await story.tab.page.getByText("What shall we talk about?").waitFor();
  expect(await meter.count()).toBe(0);
  await story.tab.sessionLinks.first().click();
  await meter.waitFor({ state: "attached" });
  expect(Number(await meter.getAttribute("aria-valuenow"))).toBe(6);
  await story.tab.page.getByRole("link", { name: "New conversation" }).click();
  await meter.waitFor({ state: "detached" });
});

test("from a dear message one goes on in a fresh conversation with a summary, told what that costs before", async () => {
  await begin();
  await story.tab.button("Settings").click();
  await story.tab.page.getByLabel(/Warn me before/).fill("0.0000001");
  await story.tab.page.keyboard.press("Escape");
  await story.tab.composer.fill("And then?");
  await next().getByRole("button", { name: "Start afresh with a summary" }).click();
  const dialog = story.tab.page.getByRole("dialog", { name: "Start afresh with a summary" });
  await dialog.getByText(/^The summary: ≈ [\d.]+\s¢, at most /).waitFor();
  expect(story.server.emulator.generateCalls()).toHaveLength(1);
  story.server.emulator.play({ text: "They greeted each other.", usage });
  await dialog.getByRole("button", { name: "Summarise and start" }).click();
  await story.tab.page.locator(".told-first").getByText("They greeted each other.").waitFor();
  expect(await story.tab.composer.inputValue()).toBe("And then?");
  expect(await story.tab.questions.count()).toBe(0);
  story.server.emulator.play({ text: "Then they talked.", usage });
  await story.tab.composer.press("Enter");
  await story.tab.lastAnswer.getByText("Then they talked.").waitFor();
  const sent = JSON.stringify(story.server.emulator.generateCalls().at(-1)!.body);
  expect(sent).toContain("They greeted each other.");
  expect(sent).not.toContain("hello");
  // The summary stands in the old conversation, with its receipt.
  await story.tab.page.goBack();
  await story.tab.lastAnswer.getByText("They greeted each other.").waitFor();
  await story.tab.lastCost.waitFor();
});
