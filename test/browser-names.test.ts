// Names as long as they may be, with no place to break them: they leave room for what stands beside them, and move nothing when they come late.

import { beforeAll, expect, test } from "bun:test";
import { languages } from "../web/text/language.ts";
import { tellBrowserStory } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";
import { watchShift } from "./page-shift.ts";

const story = tellBrowserStory();
const longest = "Ш".repeat(100);

beforeAll(async () => {
  const send = async (path: string, body: object, method = "POST") => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(story.server.url + path, { method, headers, body: JSON.stringify(body) });
    expect(answer.ok).toBe(true);
    return (await answer.json()) as { id: string };
  };
  const limits = [{ window: "month", usd: "5" }];
  const { id } = await send("/keys", { name: longest });
  await send("/projects", { id: "p".repeat(64), name: longest });
  for (const scope of ["project", `key:${id}`]) await send(`/budgets/${scope}`, { limits }, "PUT");
});

test("names that come late move nothing", async () => {
  const reader = await newReader(story.browser, {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
  });
  const { page } = await newTab(reader);
  for (const room of ["budgets", "audit"]) {
    const listed = Promise.withResolvers<void>();
    const late = /\/(keys|projects)(\?|$)/;
    await page.route(late, async (route) => {
      await listed.promise;
      await route.continue();
    });
    const answer = page.waitForResponse((response) => new URL(response.url()).pathname === `/${room}`);
    await page.goto(`${story.server.url}/?${room}#/${room}`);
    await answer;
    const shifted = await watchShift(page);
    const drawn = () =>
      page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await drawn();
    listed.resolve();
    await page.locator(".room :is(table, .budget-card)").first().waitFor();
    await page.waitForLoadState("networkidle");
    await drawn();
    expect({ room, ...(await shifted()) }).toEqual({ room, sum: 0, from: [] });
    await page.unroute(late);
  }
  await reader.close();
});

test("on a desktop too the longest names leave room for what stands beside them, and are told whole", async () => {
  const { page } = story.tab;
  const preset = { name: "Ш".repeat(60), setup: { model: null, system: "Be brief.", params: {} } };
  await page.evaluate((kept) => localStorage.setItem("rozmova.presets", kept), JSON.stringify([preset]));
  await page.reload();
  await story.tab.button("Settings").click();
  const drop = story.tab.button(`Forget the preset ${preset.name}`);
  const { x, width } = (await drop.boundingBox())!;
  expect(x + width).toBeLessThan(1280);
  const choose = async () => {
    const choice = page.getByRole("combobox", { name: "Project" });
    const id = "p".repeat(64);
    await choice.selectOption(id);
    await page.waitForFunction((name) => document.querySelector(`select[title="${name}"]`), longest);
    expect((await choice.boundingBox())!.width).toBeLessThan(600);
  };
  await page.goto(`${story.server.url}/#/budgets`);
  await choose();
  await page.goto(`${story.server.url}/#/keys`);
  await story.tab.button("New key").click();
  await choose();
  expect(await page.getByRole("dialog").evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)).toBe(0);
  await page.keyboard.press("Escape");
  await page.goto(`${story.server.url}/#/audit`);
  await page.getByText(longest).first().waitFor();
  expect(await page.locator(".scrolling[data-after]").count()).toBe(0);
});

test("a phone in every language: the words beside a question that is changed are all on the screen, the table of models is no wider than its place, and nothing covers the title of what was found", async () => {
  const reader = await newReader(story.browser, {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
  });
  const tab = await newTab(reader);
  const { page } = tab;
  await tab.open(story.server.url);
  for (const words of ["quokka one", "quokka two"]) {
    await tab.composer.fill(words);
    await page.locator(".send").click();
    await tab.answered();
  }
  const headers = { "content-type": "application/json" };
  for (const title of ["first quokka", "second quokka"])
    await fetch(`${story.server.url}/sessions`, { method: "POST", headers, body: JSON.stringify({ title }) });
  await page.locator(".question .edit").first().click();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.locator(".model-table").waitFor();
  for (const language of languages) {
    await page.locator(".choices select").evaluate((choice, name) => {
      (choice as HTMLSelectElement).value = name;
      choice.dispatchEvent(new Event("change", { bubbles: true }));
    }, language);
    await page.waitForFunction((name) => document.documentElement.lang === name, language);
    const [beside, table] = await page.evaluate(() => {
      const table = document.querySelector(".model-table")!;
      const range = document.createRange();
      range.selectNodeContents(document.querySelector(".editor-actions p")!);
      const { left, right } = range.getBoundingClientRect();
      return [left >= 0 && right <= innerWidth, table.scrollWidth - table.clientWidth];
    });
    expect({ language, beside, table }).toEqual({ language, beside: true, table: 0 });
  }
  await page.keyboard.press("Escape");
  await page.locator(".header .menu").click();
  await page.locator("#search").fill("quokka");
  await page.locator(".session-row mark").first().waitFor();
  const tools = (await page.locator(".list-head").boundingBox())!;
  expect((await page.locator(".session-row").first().boundingBox())!.y).toBeGreaterThanOrEqual(tools.y + tools.height);
  await reader.close();
});
