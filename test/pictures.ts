// Takes the README's pictures of the page, in both languages, from the real page with a conversation of the emulator:
// `npx bun test/pictures.ts` writes docs/pictures/.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { type ChatPage, launchBrowser, newReader, newTab } from "./page.ts";
import { startServer, type TestServer } from "./server.ts";

const folder = join(import.meta.dirname, "../docs/pictures");

interface Talk {
  locale: string;
  earlier: string[];
  question: string;
  answer: string;
}

const talks: Record<string, Talk> = {
  en: {
    locale: "en-GB",
    earlier: ["A week in the Carpathians", "Rename a Git branch", "What is a picodollar?", "Borscht for two"],
    question: "How long does a falling apple take to the ground?",
    answer: `Without air, a body falls

$$t = \\sqrt{\\frac{2h}{g}}$$

so an apple from **3 m** needs about \\(0.78\\) seconds.

| Height | Time | Speed at the end |
|---|--:|--:|
| 1 m | 0.45 s | 4.4 m/s |
| 3 m | 0.78 s | 7.7 m/s |
| 10 m | 1.43 s | 14.0 m/s |

\`\`\`ts
const fallSeconds = (metres: number) => Math.sqrt((2 * metres) / 9.81);
\`\`\`
`,
  },
  uk: {
    locale: "uk-UA",
    earlier: ["Тиждень у Карпатах", "Перейменувати гілку Git", "Що таке пікодолар?", "Борщ на двох"],
    question: "Скільки падає яблуко до землі?",
    answer: `Без опору повітря тіло падає

$$t = \\sqrt{\\frac{2h}{g}}$$

тож яблуку з висоти **3 м** треба приблизно \\(0{,}78\\) секунди.

| Висота | Час | Швидкість наприкінці |
|---|--:|--:|
| 1 м | 0,45 с | 4,4 м/с |
| 3 м | 0,78 с | 7,7 м/с |
| 10 м | 1,43 с | 14,0 м/с |

\`\`\`ts
const fallSeconds = (metres: number) => Math.sqrt((2 * metres) / 9.81);
\`\`\`
`,
  },
};

const usage = {
  promptTokenCount: 2620,
  cachedContentTokenCount: 2048,
  candidatesTokenCount: 318,
  thoughtsTokenCount: 164,
  totalTokenCount: 3102,
};

async function fill(server: TestServer, { earlier, question, answer }: Talk): Promise<string> {
  const headers = { "content-type": "application/json" };
  let id = "";
  for (const content of [...earlier, question]) {
    server.emulator.play({ text: content === question ? answer : "Yes.", usage });
    ({ id } = await (await fetch(`${server.url}/sessions`, { method: "POST" })).json());
    await (
      await fetch(`${server.url}/sessions/${id}/messages`, {
        method: "POST",
        headers,
        body: JSON.stringify({ content }),
      })
    ).text();
  }
  return `${server.url}/#/s/${id}`;
}

async function take(
  browser: Browser,
  address: string,
  name: string,
  options: BrowserContextOptions,
  prepare?: (tab: ChatPage) => Promise<void>,
): Promise<void> {
  const reader = await newReader(browser, options);
  const tab = await newTab(reader);
  await tab.open(address);
  await tab.answered();
  await tab.page.locator(".katex").nth(1).waitFor();
  await tab.page.locator(".hljs-keyword").first().waitFor();
  await prepare?.(tab);
  await tab.page.evaluate(() => document.fonts.ready);
  await tab.page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled", caret: "hide" });
  await reader.close();
}

await mkdir(folder, { recursive: true });
const browser = await launchBrowser();
for (const [language, talk] of Object.entries(talks)) {
  const server = await startServer();
  const address = await fill(server, talk);
  const wide = { locale: talk.locale, viewport: { width: 1240, height: 760 } };
  const phone = { width: 390, height: 760 };
  const openReceipt = async (tab: ChatPage) => {
    await tab.lastCost.click();
    await tab.page.locator(".receipt").waitFor();
  };
  await take(browser, address, `page-light.${language}`, { ...wide, colorScheme: "light" }, openReceipt);
  await take(browser, address, `page-dark.${language}`, { ...wide, colorScheme: "dark" });
  await take(browser, address, `page-phone.${language}`, {
    locale: talk.locale,
    viewport: phone,
    isMobile: true,
    hasTouch: true,
  });
  await server.stop();
}
await browser.close();
process.exit(0);
