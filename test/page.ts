// A real browser for tests, and the built-in page as a reader meets it: by roles, labels and visible words.

import chromiumPack from "@sparticuz/chromium";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Headless Chromium from the package registry; runs as root and without a screen. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await chromiumPack.executablePath(),
    // Of the pack's own arguments one keeps every page in one process, which makes closing a context hang.
    args: ["--headless=shell", "--no-sandbox", "--disable-setuid-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    // Without a locale of its own it cannot write a file's name in any script.
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
}

/** What the test browser says of the service worker that it was told to leave out. */
const blocked = "Service Worker registration blocked by Playwright";

/** The page in one tab. Everything the browser complains about is kept in `complaints`. */
export class ChatPage {
  readonly page: Page;
  readonly complaints: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (message.text() === blocked) return;
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  get composer() {
    return this.page.locator("#composer");
  }
  get questions() {
    return this.page.locator("article.question");
  }
  get answers() {
    return this.page.locator("article.answer");
  }
  get lastAnswer() {
    return this.answers.last();
  }
  /** The cost under the last answer; a button once the answer has ended. */
  get lastCost() {
    return this.lastAnswer.locator("button.cost");
  }
  /** The running total in the header. */
  get total() {
    return this.page.locator("button.total .total-sum");
  }
  get sessionLinks() {
    return this.page.locator(".session-row > a");
  }
  button(name: string | RegExp) {
    return this.page.getByRole("button", { name, exact: typeof name === "string" });
  }
  /** The words of an answer, without its tools. */
  async textOf(answer = this.lastAnswer): Promise<string> {
    return (await answer.locator(".prose").last().innerText()).trim();
  }

  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.composer.waitFor();
  }

  /** Types a message and presses Enter; does not wait for the answer. */
  async say(words: string): Promise<void> {
    await this.composer.fill(words);
    await this.composer.press("Enter");
  }

  /** Waits until no answer is being written any more. */
  async answered(): Promise<void> {
    await this.page.locator("article.answer[aria-busy=true]").waitFor({ state: "detached" });
    await this.lastCost.waitFor();
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

/** A fresh reader: own storage, own language. Without the service worker, whose requests a test cannot see, unless it asks for it. */
export function newReader(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext({
    serviceWorkers: "block",
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    ...options,
  });
}

export async function newTab(context: BrowserContext): Promise<ChatPage> {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  return new ChatPage(page);
}
