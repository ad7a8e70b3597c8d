// `npm run bench page [-- --slowed]`: what the page's own thread does while answers stream, conversations open and the language changes, in a real Chromium.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { longAnswers } from "../test/long-answers.ts";
import { type ChatPage, launchBrowser, newReader, newTab } from "../test/page.ts";
import { watchShift } from "../test/page-shift.ts";
import { type PageTask, watchTasks } from "../test/page-tasks.ts";
import { startServer } from "../test/server.ts";
import { prefill, prefillOne } from "./prefill.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    work: { type: "boolean", default: false },
    slowed: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);

interface Figure {
  /** The longest task of each round. */
  longest: number[];
  total: number[];
  shift: number[];
  work: PageTask;
}
const figures = new Map<string, Figure>();

const folder = mkdtempSync(join(tmpdir(), "rozmova-page-"));
const databaseUrl = `sqlite:${join(folder, "rozmova.db")}`;
const long = values.only.startsWith("streams") ? "" : await prefillAll();
const server = await startServer({ databaseUrl });
const browser = await launchBrowser();
try {
  for (let round = 0; round < rounds; round++) await runRound();
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (!values.slowed) print();

/** A conversation of 5,000 messages among 10,000 others. */
async function prefillAll(): Promise<string> {
  await prefill(databaseUrl, { sessions: 10_000, messages: 2 });
  return prefillOne(databaseUrl, 5_000);
}

async function runRound(): Promise<void> {
  await measure("a fixed piece of work", (tab) =>
    tab.page.evaluate(() => {
      const area = document.createElement("div");
      for (let n = 0; n < 3_000; n++)
        area.append(Object.assign(document.createElement("p"), { textContent: `line ${n}` }));
      document.body.append(area);
      return area.offsetHeight;
    }),
  );
  for (const [name, text] of Object.entries(longAnswers))
    await measure(`streams: ${name}`, async (tab) => {
      server.emulator.play({ text, chunks: 256, delayMs: 22, unchecked: true });
      await tab.say("go on");
      await tab.answered();
      await settled(tab);
    });
  await measure("opens 5,000 messages", async (tab) => {
    await tab.page.goto(`${server.url}/#/s/${long}`);
    await tab.page.locator("article.answer").last().waitFor();
    await settled(tab);
  });
  await measure(
    "types 40 keys in it",
    (tab) => tab.composer.pressSequentially("forty keys are pressed one by one here!!", { delay: 30 }),
    openLong,
  );
  await measure("changes the language there", changeLanguage, async (tab) => {
    await openLong(tab);
    for (let step = 0; step < 12; step++) {
      await tab.page.locator(".scroller").evaluate((area) => area.scrollBy(0, -area.clientHeight * 3));
      await tab.page.waitForTimeout(60);
    }
  });
  await measure("changes the language, list scrolled", changeLanguage, scrollList);
  await measure("scrolls through the list", scrollList);
  await measure("searches and opens a hit", async (tab) => {
    await tab.page.locator("#search").fill("sockets");
    await tab.page.locator(".snippet").first().waitFor();
    await tab.page.locator(".session-row > a").first().click();
    await tab.page.locator("article.answer").last().waitFor();
    await settled(tab);
  });
  await measure(
    "opens the receipt",
    async (tab) => {
      await tab.lastCost.click();
      await tab.page.locator(".receipt").waitFor();
      await settled(tab);
    },
    async (tab) => {
      server.emulator.play({ text: "Short.", unchecked: true });
      await tab.say("hi");
      await tab.answered();
    },
  );
}

async function openLong(tab: ChatPage): Promise<void> {
  await tab.page.goto(`${server.url}/#/s/${long}`);
  await tab.page.locator("article.answer").last().waitFor();
  await settled(tab);
}

async function scrollList(tab: ChatPage): Promise<void> {
  for (let step = 0; step < 20; step++) {
    await tab.page.locator(".session-list").evaluate((area) => area.scrollBy(0, area.clientHeight * 2));
    await tab.page.waitForTimeout(60);
  }
}

async function changeLanguage(tab: ChatPage): Promise<void> {
  await tab.page.locator(".preferences select, [lang]").first().waitFor();
  await tab.page.locator("select").filter({ hasText: "Українська" }).selectOption("uk");
  await tab.page.waitForFunction(() => document.documentElement.lang === "uk");
  await settled(tab);
}

/** A fresh reader for each; `before` is not measured. */
async function measure(
  name: string,
  run: (tab: ChatPage) => Promise<unknown>,
  before?: (tab: ChatPage) => Promise<unknown>,
): Promise<void> {
  if (!name.includes(values.only)) return;
  if (values.slowed) return measureSlowed(name, run, before);
  const reader = await newReader(browser);
  const tab = await newTab(reader);
  await tab.open(server.url);
  await settled(tab);
  await before?.(tab);
  const shiftOf = await watchShift(tab.page);
  const stop = await watchTasks(tab.page);
  await run(tab);
  const tasks = await stop();
  const shift = await shiftOf();
  await reader.close();
  const [longest] = tasks as [PageTask];
  const known = figures.get(name) ?? { longest: [], total: [], shift: [], work: longest };
  known.longest.push(longest.ms);
  known.total.push(tasks.reduce((sum, { ms }) => sum + ms, 0));
  known.shift.push(shift.sum);
  if (longest.ms > known.work.ms) known.work = longest;
  figures.set(name, known);
  console.error(`${name}: longest ${longest.ms.toFixed(1)} ms, shift ${shift.sum.toFixed(4)}`);
  if (values.work) {
    for (const task of tasks.slice(0, 4)) console.error(`   ${task.ms.toFixed(1)} ms: ${task.work.join(", ")}`);
    for (const from of shift.from) console.error(`   shift ${from}`);
  }
}

/** The browser itself slows the page four times and says which tasks took more than 50 ms: by the clock, so only a quiet machine's figures count. */
async function measureSlowed(
  name: string,
  run: (tab: ChatPage) => Promise<unknown>,
  before?: (tab: ChatPage) => Promise<unknown>,
): Promise<void> {
  const reader = await newReader(browser);
  const tab = await newTab(reader);
  await tab.open(server.url);
  await settled(tab);
  await before?.(tab);
  const client = await reader.newCDPSession(tab.page);
  await client.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  const observed = await tab.page.evaluateHandle(() => {
    const long: number[] = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) long.push(duration);
    }).observe({ type: "longtask" });
    return long;
  });
  await run(tab);
  const long = await observed.jsonValue();
  await reader.close();
  console.log(`${name}, slowed: ${long.length} tasks over 50 ms, the longest ${Math.max(0, ...long).toFixed(0)} ms`);
}

/** Until nothing on the page has changed for a quarter of a second. */
async function settled(tab: ChatPage): Promise<void> {
  await tab.page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        let timer = setTimeout(end, 250);
        const observer = new MutationObserver(() => {
          clearTimeout(timer);
          timer = setTimeout(end, 250);
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
        function end() {
          observer.disconnect();
          resolve();
        }
      }),
  );
}

function print(): void {
  const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
  console.log(
    "| what | longest task, ms of CPU (median, most) | CPU x 4 | all tasks, ms | layout shift (median, most) |\n|---|---|---|---|---|",
  );
  for (const [name, { longest, total, shift }] of figures)
    console.log(
      `| ${name} | ${median(longest).toFixed(1)}, ${Math.max(...longest).toFixed(1)} | ${(4 * Math.max(...longest)).toFixed(0)} | ${median(total).toFixed(0)} | ${median(shift).toFixed(4)}, ${Math.max(...shift).toFixed(4)} |`,
    );
}
