// The rooms in the hand and in every language: nothing is cut, nothing jumps, and what must be hit can be.

import { expect, test } from "bun:test";
import { languages } from "../web/text/language.ts";
import { tellBrowserStory, usage } from "./browser-story.ts";
import { type ChatPage, newReader, newTab } from "./page.ts";

const story = tellBrowserStory();
const rooms = ["usage", "models", "keys", "budgets", "projects", "audit", "health"];

/** No place to break it. */
const longest = "Ш".repeat(100);

async function fill(): Promise<void> {
  const send = async (path: string, body: object, method = "POST") =>
    (await (
      await fetch(story.server.url + path, {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    ).json()) as { id: string };
  const limits = [{ window: "month", usd: "1234.5" }];
  const rate = { requests_per_minute: 60, tokens_per_minute: 200_000, per_user: { concurrent_turns: 2 } };
  await send("/keys", { name: longest, rate, limits, user: "olena", models: ["gemini-2.5-flash-lite"] });
  await send("/projects", { id: "p".repeat(64), name: longest });
  await send("/budgets/project", { limits: [...limits, { window: "day", usd: "2" }], soft: 0.8 }, "PUT");
  await send("/budgets/project/increase", { usd: "0.5", until: "2099-01-01T00:00:00Z" });
  const { id } = await send("/sessions", {});
  story.server.emulator.play({ text: "Yes.", usage });
  await send(`/sessions/${id}/messages`, { content: "x" });
}

/** What is beyond the right edge, and what is smaller than a finger. Tables that scroll may be wider: they say so. */
function findFaults(tab: ChatPage): Promise<string[]> {
  return tab.page.evaluate(() => {
    const faults: string[] = [];
    const say = (what: string, element: Element) => faults.push(`${what}: ${element.tagName} ${element.textContent}`);
    for (const element of document.querySelectorAll<HTMLElement>(".page *, dialog[open] *")) {
      const { right, width } = element.getBoundingClientRect();
      if (width > 0 && right > innerWidth + 1 && !element.closest(".scrolling[data-after]")) say("cut", element);
    }
    for (const element of document.querySelectorAll(".room :is(summary, summary small)"))
      if (Number.parseFloat(getComputedStyle(element).lineHeight) > 32) say("its lines stand apart", element);
    for (const table of document.querySelectorAll(".room-table.cards"))
      if (table.scrollWidth > table.parentElement!.clientWidth) say("wider than the screen", table);
    for (const dialog of document.querySelectorAll("dialog[open]"))
      if (dialog.scrollWidth > dialog.clientWidth) say("scrolls sideways", dialog);
    const controls =
      ".room :is(button, select, summary, .room-tabs a), dialog[open] :is(button, select, label:has(> input))";
    for (const element of document.querySelectorAll<HTMLElement>(controls)) {
      const { height, width } = element.getBoundingClientRect();
      if (width > 0 && (height < 43.9 || width < 43.9)) say(`${width} x ${height}`, element);
    }
    return faults;
  });
}

test.each([...languages])("in %s, 360 px wide", async (language) => {
  if (language === languages[0]) await fill();
  const reader = await newReader(story.browser, {
    ...{ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
    locale: language,
  });
  const tab = await newTab(reader);
  await tab.page.addInitScript(() => {
    const seen = globalThis as unknown as { shift: number };
    seen.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[])
        if (!entry.hadRecentInput) seen.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  const faults: Record<string, string[]> = {};
  const shifts: Record<string, number> = {};
  for (const room of rooms) {
    await tab.page.goto(`${story.server.url}/#/${room}`);
    // What jumps while it comes is the same in every language; a load for each costs time.
    if (language === languages[0]) await tab.page.reload();
    await tab.page.locator(".room :is(table, .budget-card, .facts)").first().waitFor();
    await tab.page.waitForLoadState("networkidle");
    faults[room] = await findFaults(tab);
    shifts[room] = await tab.page.evaluate(() => (globalThis as unknown as { shift: number }).shift);
    if (!["keys", "budgets", "projects"].includes(room)) continue;
    await tab.page.locator(".room .button.strong").click();
    await tab.page.locator(".room-form").waitFor();
    faults[`new in ${room}`] = await findFaults(tab);
    await tab.page.keyboard.press("Escape");
  }
  expect(Object.fromEntries(Object.entries(faults).filter(([, found]) => found.length > 0))).toEqual({});
  expect(Object.entries(shifts).filter(([, shift]) => shift >= 0.05)).toEqual([]);
  await reader.close();
});
