// A long list of conversations: all of it can be scrolled and walked through, and little of it is on the page at once.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import { newId } from "../src/id.ts";
import { testClock } from "./clock.ts";
import { type ChatPage, launchBrowser, newReader, newTab } from "./page.ts";
import { startServer, type TestServer } from "./server.ts";
import { noFields } from "./store-inputs.ts";

setDefaultTimeout(120_000);
const sessions = 10_000;
const mostElements = 3_000;
const folder = mkdtempSync(join(tmpdir(), "rozmova-list-"));
let server: TestServer;
let browser: Browser;
let tab: ChatPage;

beforeAll(async () => {
  const databaseUrl = `sqlite:${join(folder, "list.db")}`;
  const store = await openStore(databaseUrl, { processId: 1 });
  const now = testClock();
  for (let first = 0; first < sessions; first += 500) {
    const numbers = Array.from({ length: 500 }, (_, at) => first + at);
    await Promise.all(
      numbers.map((n) =>
        store.createSession(
          defaultProject,
          newId(),
          { ...noFields, title: `talk ${n}` },
          now - (sessions - n) * 1_800_000,
        ),
      ),
    );
  }
  await store.searchSessions(defaultProject, "settled", { limit: 1, deleted: false });
  await store.close();
  [server, browser] = await Promise.all([startServer({ databaseUrl }), launchBrowser()]);
  tab = await newTab(await newReader(browser));
  await tab.open(server.url);
  await tab.page.locator(".session-row").first().waitFor();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(tab.complaints).toEqual([]);
});

const elements = () => tab.page.evaluate(() => document.querySelectorAll(".sidebar *").length);
const focused = () => tab.page.evaluate(() => document.activeElement?.textContent);
const focusOf = (title: string) => tab.page.waitForFunction((t) => document.activeElement?.textContent === t, title);
const scrollTo = (top: number) => tab.page.locator(".session-list").evaluate((area, to) => area.scrollTo(0, to), top);
/** The titles in view, from the top; none where the view is empty. */
const inView = () =>
  tab.page.evaluate(() => {
    const area = document.querySelector(".session-list")!.getBoundingClientRect();
    return [...document.querySelectorAll(".session-row")]
      .filter((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return top >= area.top && bottom <= area.bottom;
      })
      .map((row) => row.querySelector(".title")!.textContent!);
  });

test("thousands of rows scrolled in: few are on the page, and each place has its own rows", async () => {
  const most = await tab.page.evaluate(async () => {
    const area = document.querySelector(".session-list")!;
    let most = 0;
    while (area.scrollHeight < 3_000 * 30) {
      area.scrollTop = area.scrollHeight;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      most = Math.max(most, document.querySelectorAll(".sidebar *").length);
    }
    return most;
  });
  expect(most).toBeLessThan(mostElements);
  for (const top of [40_000, 0, 70_000, 20_000]) {
    await scrollTo(top);
    await tab.page.waitForFunction(() => {
      const area = document.querySelector(".session-list")!.getBoundingClientRect();
      return (
        document.elementFromPoint(area.left + 40, area.top + area.height / 2)?.closest(".session-row, h2") !== null
      );
    });
    const titles = await inView();
    expect(titles.length).toBeGreaterThan(5);
    const first = Number(titles[0]!.slice(5));
    expect(titles).toEqual(titles.map((_, at) => `talk ${first - at}`));
    // A row is about 36 px high, and what is above the view is as many rows as its height says.
    expect(Math.abs((sessions - 1 - first) * 36 - top)).toBeLessThan(36 * 40);
    expect(await elements()).toBeLessThan(mostElements);
  }
});

test("arrows, Home and End lead through rows that are not on the page; Tab has one stop", async () => {
  await scrollTo(0);
  await tab.page.locator("#search").focus();
  await tab.page.keyboard.press("ArrowDown");
  await focusOf(`talk ${sessions - 1}`);
  await tab.page.keyboard.press("End");
  await tab.page.waitForFunction(() => !document.activeElement?.textContent?.endsWith("9999"));
  const last = Number((await focused())!.slice(5));
  expect(last).toBeLessThan(sessions - 2_000);
  await tab.page.keyboard.press("ArrowUp");
  await focusOf(`talk ${last + 1}`);
  // The row with the focus stays where it is while the view is elsewhere; the next one comes back with it.
  await scrollTo(0);
  await tab.page.locator(".session-row .title", { hasText: `talk ${sessions - 1}` }).waitFor();
  expect(await focused()).toBe(`talk ${last + 1}`);
  for (let n = last + 2; n < last + 50; n++) {
    await tab.page.keyboard.press("ArrowUp");
    await focusOf(`talk ${n}`);
  }
  expect(await inView()).toContain(`talk ${last + 49}`);
  expect(await tab.page.locator(".session-row > a[tabindex='0']").count()).toBe(1);
  await tab.page.keyboard.press("Home");
  await focusOf(`talk ${sessions - 1}`);
  expect(await elements()).toBeLessThan(mostElements);
});

test("what is found beside a long list is shown from its top, and is no more of the page", async () => {
  await scrollTo(60_000);
  await tab.page.locator("#search").fill("talk");
  await tab.page.locator(".snippet").first().waitFor();
  expect(await tab.page.locator(".session-list").evaluate((area) => area.scrollTop)).toBe(0);
  expect(await elements()).toBeLessThan(mostElements);
  await tab.page.locator("#search").fill("");
  await tab.page.locator(".session-list h2").first().waitFor();
  expect((await inView())[0]).toBe(`talk ${sessions - 1}`);
});
