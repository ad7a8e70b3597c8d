// What every browser test needs: one real server, one browser, and a fresh reader with one open tab for each test.

import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout } from "bun:test";
import type { Browser, BrowserContext } from "playwright-core";
import { type ChatPage, launchBrowser, newReader, newTab } from "./page.ts";
import { listReceipts, runScript } from "./receipt-script.ts";
import { startServer, type TestServer } from "./server.ts";

/** What a test finds ready; the same object for all tests of a file. */
export interface Story {
  server: TestServer;
  browser: Browser;
  reader: BrowserContext;
  tab: ChatPage;
  /** Refusals that the test itself provokes are reported by the browser as failed loads: the test names them here. */
  expected: RegExp | null;
}

/** Registers the hooks. After each test the browser must have had nothing to complain about: no CSP violation, no error. */
export function tellBrowserStory(): Story {
  const story = { expected: null } as Story;
  setDefaultTimeout(60_000);
  beforeAll(async () => {
    [story.server, story.browser] = await Promise.all([
      startServer({ settings: { STOP_DRAIN_MS: "300" } }),
      launchBrowser(),
    ]);
  });
  beforeEach(async () => {
    story.server.emulator.reset();
    story.reader = await newReader(story.browser);
    story.tab = await newTab(story.reader);
    await story.tab.open(story.server.url);
  });
  afterEach(async () => {
    const unexpected = story.tab.complaints.filter((complaint) => !story.expected?.test(complaint));
    story.expected = null;
    await story.reader.close();
    expect(unexpected).toEqual([]);
  });
  afterAll(async () => {
    await story.browser.close();
    const { stdout } = runScript("verify-receipt.mjs", await listReceipts(story.server.url));
    await story.server.stop();
    expect(stdout).not.toContain("DIFFERENT");
  });
  return story;
}

export const usage = {
  promptTokenCount: 1000,
  cachedContentTokenCount: 200,
  candidatesTokenCount: 100,
  thoughtsTokenCount: 50,
  totalTokenCount: 1150,
};
/** 800 x 0.30 + 200 x 0.03 + 150 x 2.50 USD per million tokens: to the last digit, and as it is shown. */
export const exactCost = "$0.000621";
export const cost = "0.0621\u00a0¢";
export const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
/** Long enough from the first word to the last for something to happen in between. */
export const slow = { text: words, chunks: 40, delayMs: 40, usage };

/** The turn of a streamed answer, by its first event. */
export async function turnOf(answer: Response): Promise<string> {
  for await (const bytes of answer.body!) {
    const [, id] = /"turn_id":"([\w-]+)"/.exec(new TextDecoder().decode(bytes)) ?? [];
    if (id) return id;
  }
  throw new Error("no turn");
}
