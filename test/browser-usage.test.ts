// The usage page: what was spent, by day and by group, as numbers, bars, a table and a file; each from the API, to the last digit.

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { loadPage } from "../web/build.ts";
import { exactCost, tellBrowserStory, usage } from "./browser-story.ts";
import { startHttp } from "./http-assembly.ts";
import { type ChatPage, newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

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
  await story.tab.page.getByText(`To the last digit: ${exactCost}`).waitFor();
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

const dayMs = 86_400_000;
/** The middle of a day, so that no zone makes another of it. */
const today = Date.parse("2026-11-12T12:00:00Z");

test("days of different costs: three numbers, a bar for each day with the models on top of each other, groups, and a file that adds up", async () => {
  let at = today;
  const server = await startHttp({ page: loadPage, now: () => at });
  const send = async (path: string, body: object) =>
    (await (
      await fetch(server.url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    ).json()) as { id: string; turn: { cost: { total: string } } };
  /** Days ago, with which model, of whom. Two in this month, one in the month before; one has no day of its own. */
  const turns = [
    { ago: 20, model: "gemini-2.5-pro", user: "olena" },
    { ago: 3, model: "gemini-2.5-flash", user: "olena" },
    { ago: 3, model: "gemini-2.5-pro", user: "taras" },
    { ago: 0, model: "gemini-2.5-flash", user: "taras" },
  ];
  const costs: bigint[] = [];
  for (const { ago, model, user } of turns) {
    at = today - ago * dayMs;
    const { id } = await send("/sessions", { title: `of ${user}, ${ago}`, model, user });
    server.emulator.play({
      text: "Yes.",
      usage: { ...usage, candidatesTokenCount: 100 * (ago + 1), totalTokenCount: 1050 + 100 * (ago + 1) },
    });
    costs.push(picoOf((await send(`/sessions/${id}/messages`, { content: "x" })).turn.cost.total));
  }
  at = today;
  const sum = (all: readonly bigint[]) => all.reduce((one, other) => one + other, 0n);
  const reader = await newReader(story.browser, { timezoneId: "Europe/Kyiv" });
  const tab = await newTab(reader);
  await tab.page.clock.setFixedTime(new Date(today));
  await tab.page.goto(`${server.url}/#/usage`);
  const exact = tab.page.locator(".exact");
  await exact.waitFor();
  expect(picoOf((await exact.innerText()).split("$")[1]!)).toBe(sum(costs));
  const [ofToday, ofMonth, forecast] = await tab.page
    .locator(".usage-sums > div")
    .evaluateAll((all) => all.map((one) => one.getAttribute("title") ?? ""));
  expect([ofToday, ofMonth].map((text) => picoOf(text!.slice(1)))).toEqual([costs[3]!, sum(costs.slice(1))]);
  expect(forecast).toContain("An estimate");
  const shown = (await tab.page.locator(".usage-sums dd").last().innerText()).match(/^≈\u00a0\$([\d.]+)$/)![1]!;
  // Twelve days of thirty, to the three digits that are shown.
  expect(Math.abs(Number(shown) / (Number(sum(costs.slice(1)) * 30n) / 12 / 1e12) - 1)).toBeLessThan(0.005);

  // What a bar comes to is said by keys, by touch, and to a screen reader.
  const slider = tab.page.getByRole("slider", { name: "Day" });
  await slider.focus();
  for (let day = 0; day < 3; day++) await tab.page.keyboard.press("ArrowLeft");
  const said = tab.page.locator(".chart-said");
  const ofDay = /^9 Nov 2026: \S+\s¢ \(gemini-2\.5-pro \S+\s¢, gemini-2\.5-flash \S+\s¢\)$/;
  expect(await said.innerText()).toMatch(ofDay);
  expect(await slider.getAttribute("aria-valuetext")).toMatch(ofDay);
  await tab.page.locator(".chart g").nth(9).dispatchEvent("click");
  expect(await said.innerText()).toMatch(/^23 Oct 2026: \$[\d.]+ \(gemini-2\.5-pro \$[\d.]+\)$/);
  await slider.press("Home");
  expect(await said.innerText()).toMatch(/^14 Oct 2026: /);

  const bars = await readBars(tab);
  expect(bars.length).toBe(30);
  const drawn = bars.flatMap((parts, day) =>
    parts.length > 0 ? [[29 - day, ...parts.map(({ series }) => series)]] : [],
  );
  expect(drawn).toEqual([
    [20, "series-0"],
    [3, "series-0", "series-1"],
    [0, "series-1"],
  ]);
  // The heights are the costs: the two of a day stand on each other, and the highest day fills the picture.
  const heightOf = (day: number) => bars[29 - day]!.map(({ height }) => height);
  for (const parts of bars) {
    const from = parts.map((_, index) => 160 - parts.slice(0, index + 1).reduce((sum, { height }) => sum + height, 0));
    for (const [index, { top }] of parts.entries()) expect(top).toBeCloseTo(from[index]!, 3);
  }
  const most = Number(costs[0]! > costs[1]! + costs[2]! ? costs[0] : costs[1]! + costs[2]!);
  for (const [day, parts] of [
    [20, [costs[0]!]],
    [3, [costs[2]!, costs[1]!]],
    [0, [costs[3]!]],
  ] as const)
    for (const [index, cost] of parts.entries())
      expect(heightOf(day)[index]! / 160).toBeCloseTo(Number(cost) / most, 2);

  // Where the reader's own colours are forced, the groups keep theirs, and the room one is in its mark.
  await tab.page.emulateMedia({ forcedColors: "active" });
  const colours = await tab.page
    .locator(".legend i")
    .evaluateAll((marks) => marks.map((mark) => getComputedStyle(mark).backgroundColor));
  expect(new Set(colours).size).toBe(2);
  const here = tab.page.getByRole("link", { name: "Usage" });
  expect(await here.evaluate((link) => getComputedStyle(link).outlineStyle)).toBe("solid");
  await tab.page.emulateMedia({ forcedColors: "none" });

  const rows = tab.page.locator(".room-scroll tbody tr");
  const cents = async () => (await rows.locator("td:nth-of-type(1)").allInnerTexts()).map((text) => text.indexOf("."));
  const choose = async (by: string, first: string) => {
    await tab.page.locator(".usage-choice select").last().selectOption(by);
    await tab.page.locator(".room-scroll").getByRole("rowheader", { name: first }).waitFor();
    expect(await rows.count()).toBe(by === "session_id" ? 4 : by === "model" || by === "user" ? 2 : 1);
    expect(new Set(await cents()).size).toBe(1);
  };
  await choose("user", "olena");
  await choose("session_id", "of taras, 0");
  await choose("key_id", "None");
  await choose("purpose", "Answers");
  await choose("model", "gemini-2.5-pro");
  await tab.page.getByText("By day").click();
  await tab.page.getByRole("row", { name: /12 Nov 2026 \$/ }).waitFor();
  const download = tab.page.waitForEvent("download");
  await tab.button("Save as CSV").click();
  const [head = "", ...lines] = (await readFile((await (await download).path())!, "utf8")).trim().split("\r\n");
  const column = head.split(",").indexOf("cost");
  expect(sum(lines.map((line) => picoOf(line.split(",")[column]!)))).toBe(sum(costs));
  await reader.close();
  await server.stop();
});

test("of many conversations the most expensive have their names, and the others are found by their ids", async () => {
  const server = await startHttp({ page: loadPage, now: () => today });
  const post = async (path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return (await answer.json()) as { id: string };
  };
  for (let index = 1; index <= 14; index++) {
    server.emulator.play({ text: "Yes.", usage: { promptTokenCount: 100 * index, totalTokenCount: 100 * index } });
    const { id } = await post("/sessions", { title: `talk ${index}` });
    await post(`/sessions/${id}/messages`, { content: "x" });
  }
  const reader = await newReader(story.browser);
  const { page } = await newTab(reader);
  await page.clock.setFixedTime(new Date(today));
  await page.goto(`${server.url}/#/usage`);
  await page.locator(".usage-choice select").last().selectOption("session_id");
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll(".room-scroll tbody th")].filter((one) => one.textContent?.startsWith("talk "))
        .length >= 12,
  );
  const names = await page.locator(".room-scroll tbody th").allInnerTexts();
  expect(names.slice(0, 12)).toEqual(Array.from({ length: 12 }, (_, index) => `talk ${14 - index}`));
  expect(names.slice(12).filter((name) => /^[0-9a-f-]{36}$/.test(name))).toHaveLength(2);
  await reader.close();
  await server.stop();
});

/** Of each day the coloured parts, from below. */
function readBars(tab: ChatPage): Promise<{ series: string; height: number; top: number }[][]> {
  return tab.page.locator(".chart svg g").evaluateAll((days) =>
    days.map((day) =>
      [...day.querySelectorAll("rect:not(.chart-day)")].map((part) => ({
        series: part.getAttribute("class") ?? "",
        height: Number(part.getAttribute("height")),
        top: Number(part.getAttribute("y")),
      })),
    ),
  );
}

function picoOf(usd: string): bigint {
  const [whole = "0", fraction = ""] = usd.split(".");
  return BigInt(whole + fraction.padEnd(12, "0"));
}
