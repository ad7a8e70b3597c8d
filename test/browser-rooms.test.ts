// The rooms beside the conversations: what was used, and what those who run the server look after.

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { loadPage } from "../web/build.ts";
import { exactCost, tellBrowserStory, usage } from "./browser-story.ts";
import { makeKey } from "./callers.ts";
import { startHttp } from "./http-assembly.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

const goTo = (room: string) => story.tab.page.goto(`${story.server.url}/#/${room}`);

test("the usage page shows what was spent, by day and by group, as bars, a table and a file; and goes back to a conversation", async () => {
  // The page asks for its own days: the server's clock of tests stands on another.
  story.server.emulator.play({ text: "Yes.", usage });
  await story.tab.say("what does this cost");
  await story.tab.answered();
  const now = new Date(
    ((await (await fetch(`${story.server.url}/sessions?limit=1`)).json()) as { data: { active_at: string }[] }).data[0]!
      .active_at,
  );
  await story.tab.page.clock.setFixedTime(now);
  await story.tab.page.getByRole("link", { name: "Usage" }).click();
  const table = story.tab.page.locator(".room-scroll table");
  await table.getByRole("rowheader", { name: "gemini-2.5-flash", exact: true }).waitFor();
  expect(await table.locator("tfoot").innerText()).toContain(exactCost);
  expect(await story.tab.page.locator(".usage-sums dd").allInnerTexts()).toEqual([
    ...["0.0621\u00a0¢", "0.0621\u00a0¢"],
    expect.stringMatching(/^≈\u00a00\.\d+\u00a0¢$/),
  ]);
  const chart = story.tab.page.getByRole("img", { name: /Cost by day/ });
  expect(await chart.getAttribute("aria-label")).toContain("0.0621");
  expect(await chart.locator("rect.series-0").count()).toBe(1);
  const download = story.tab.page.waitForEvent("download");
  await story.tab.button("Save as CSV").click();
  const csv = await readFile((await (await download).path())!, "utf8");
  const [head = "", line = ""] = csv.split("\r\n");
  const columns = head.split(",");
  const cell = (name: string) => line.split(",")[columns.indexOf(name)];
  expect([cell("model"), cell("turns"), cell("cost")]).toEqual(["gemini-2.5-flash", "1", "0.000621"]);
  await story.tab.page.locator(".usage-choice select").last().selectOption("session_id");
  await table.getByRole("link", { name: "what does this cost" }).click();
  await story.tab.lastAnswer.getByText("Yes.").waitFor();
});

test("a key is made and shown once, limited, given a new secret, blocked and deleted", async () => {
  await goTo("keys");
  await story.tab.page.getByText("There are no keys yet.").waitFor();
  await story.tab.button("New key").click();
  await story.tab.page.getByRole("textbox", { name: "Name" }).fill("the shop");
  await story.tab.page.getByLabel("Requests a minute").fill("5");
  await story.tab.page.getByLabel("USD a month").fill("20");
  await story.tab.button("Make the key").click();
  const secret = await story.tab.page.locator(".secret code").innerText();
  expect(secret).toMatch(/^rz-\w{43}$/);
  const ask = async (key: string) =>
    (await fetch(`${story.server.url}/keys/me`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await ask(secret)).toBe(200);
  const row = story.tab.page.getByRole("row", { name: /the shop/ });
  expect(await row.innerText()).toContain("Requests a minute: 5");
  expect(await row.innerText()).toContain("a month: $20.00");
  await story.tab.button("I have it").click();
  await story.tab.page.reload();
  await row.waitFor();
  expect(await story.tab.page.content()).not.toContain(secret);
  await row.getByRole("button", { name: "New secret" }).click();
  const second = await story.tab.page.locator(".secret code").innerText();
  expect([await ask(secret), await ask(second)]).toEqual([200, 200]);
  await row.getByRole("button", { name: "Block" }).click();
  await row.getByText("blocked").waitFor();
  // No valid key: where none is needed it is not known, and is nobody's.
  expect(await ask(second)).not.toBe(200);
  await row.getByRole("button", { name: "Allow again" }).click();
  await row.getByRole("button", { name: "Delete" }).click();
  await story.tab.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  expect(await ask(second)).not.toBe(200);

  await story.tab.page.getByRole("link", { name: "Audit" }).click();
  await story.tab.page.getByRole("rowheader", { name: "key.created" }).waitFor();
});

test("a limit is set, shows what is spent of it, and is taken away", async () => {
  await goTo("budgets");
  await story.tab.button("Set a limit").click();
  await story.tab.page.getByLabel("At most, USD").fill("2,50");
  await story.tab.button("Set it").click();
  const row = story.tab.page.getByRole("row", { name: /The project/ });
  await row.waitFor();
  expect(await row.innerText()).toMatch(/a month[\s\S]* of \$2\.50/);
  await story.tab.button("Set a limit").click();
  await story.tab.page.locator(".key-form-room select").last().selectOption("day");
  await story.tab.page.getByLabel("At most, USD").fill("1");
  await story.tab.button("Set it").click();
  await story.tab.page.getByRole("row", { name: /a day/ }).waitFor();
  expect(await row.count()).toBe(2);
  await row.first().getByRole("button", { name: "Delete" }).click();
  await row.first().waitFor({ state: "detached" });
  expect(await row.count()).toBe(0);
});

test("models and prices, and the server's health", async () => {
  await goTo("models");
  const row = story.tab.page.getByRole("row", { name: /Gemini 2\.5 Flash gemini-2\.5-flash/ });
  expect(await row.innerText()).toMatch(/\$0\.30\s+\$0\.03\s+\$2\.50/);
  await story.tab.page.getByRole("link", { name: "Health" }).click();
  await story.tab.page.getByText("takes what is written").waitFor();
});

test("who may not look is told so, and sees nothing", async () => {
  const server = await startHttp({ settings: { REQUIRE_KEY: "yes" }, page: loadPage });
  const { secret } = await makeKey(server.store, { scopes: ["chat", "read"], user: null });
  const reader = await newReader(story.browser);
  const tab = await newTab(reader);
  await tab.page.addInitScript((key) => sessionStorage.setItem("rozmova.key", key), secret);
  for (const room of ["keys", "budgets", "audit"]) {
    await tab.page.goto(`${server.url}/#/${room}`);
    await tab.page.getByText("This key may not look at this.").waitFor();
    expect(await tab.page.locator("table").count()).toBe(0);
    expect(await tab.button("New key").count()).toBe(0);
  }
  await tab.page.goto(`${server.url}/#/usage`);
  await tab.page.getByText("Nothing was used in this time.").waitFor();
  await reader.close();
  await server.stop();
});
