// The page for every reader, by the rules of those who audit pages: axe finds nothing in any view, in both themes, on a phone and on a desktop.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { slow, tellBrowserStory, usage } from "./browser-story.ts";
import { type ChatPage, newReader, newTab } from "./page.ts";

const story = tellBrowserStory();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const rich = `### Heading

Text with \`code\`, **bold**, a [link](https://example.com) and $E = mc^2$.

- [x] done
- [ ] to do

> quoted

| a | b |
|---|--:|
| 1 | 2 |

\`\`\`js
const a = 1; // note
\`\`\`
`;

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** Every rule of axe, best practices too, on the page as it stands. */
async function violations(tab: ChatPage): Promise<string[]> {
  // What still moves or fades is not what the reader reads.
  await tab.page.waitForFunction(() =>
    document
      .getAnimations()
      .every(
        (one) => one.playState !== "running" || one.effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY,
      ),
  );
  await tab.page.evaluate(axe);
  const found = await tab.page.evaluate(async () => {
    const { axe: runner } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await runner.run()).violations;
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ""}`),
  );
}

const screens = [
  { name: "desktop", viewport: { width: 1280, height: 800 } },
  { name: "phone", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
];

for (const screen of screens)
  for (const colorScheme of ["light", "dark"] as const)
    test(`axe has nothing to say, ${screen.name}, ${colorScheme}`, async () => {
      const { name, ...options } = screen;
      const reader = await newReader(story.browser, { ...options, colorScheme });
      const tab = await newTab(reader);
      const say = async (words: string) => {
        await tab.composer.fill(words);
        await tab.button("Send").click();
      };
      const seen: Record<string, string[]> = {};
      const look = async (view: string) => {
        seen[view] = await violations(tab);
      };
      // There are several to choose from, and one is in the trash.
      const made: { id: string }[] = [];
      for (let at = 0; at < 2; at++)
        made.push(await (await fetch(`${story.server.url}/sessions`, { method: "POST" })).json());
      await fetch(`${story.server.url}/sessions/${made[0]!.id}`, { method: "DELETE" });
      await tab.open(story.server.url);
      await tab.page.locator(".setup-line .retires").waitFor();
      await look("new");
      await tab.button("Temporary").click();
      await look("temporary chosen");
      story.server.emulator.play({ text: rich, thoughts: "Hm.", usage });
      await say("Show me all you can");
      await tab.answered();
      await tab.page.locator(".hljs-comment").waitFor();
      await tab.page.locator(".katex").first().waitFor();
      await tab.page.locator(".temporary-bar").waitFor();
      await tab.page.locator(".heading h1 button").click();
      await look("title");
      await tab.page.keyboard.press("Escape");
      await tab.button("Keep it").click();
      await tab.page.locator(".temporary-bar").waitFor({ state: "detached" });
      await look("conversation");
      await tab.composer.fill("What will this cost?");
      await tab.page.locator(".next-cost span").waitFor();
      await look("quote");
      await tab.page.evaluate(() => localStorage.setItem("rozmova.warn", "0.0000001"));
      await tab.page.reload();
      await tab.composer.fill("What will this cost now?");
      await tab.button("Start afresh with a summary").click();
      await tab.page.getByRole("dialog").getByText("The summary:").waitFor();
      await look("afresh");
      await tab.page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
      await look("dear");
      await tab.composer.fill("");
      await tab.lastCost.click();
      await tab.page.locator(".receipt").waitFor();
      await look("receipt");
      await tab.page.keyboard.press("Escape");
      story.server.emulator.play({ text: "Again.", usage });
      await tab.lastAnswer.getByRole("button", { name: "Answer again", exact: true }).click();
      await tab.lastAnswer.getByText("Again.").waitFor();
      await tab.answered();
      await tab.page.locator(".versions").waitFor();
      await tab.lastAnswer.locator(".again summary").click();
      await look("versions");
      await tab.page.keyboard.press("Escape");
      await tab.lastCost.click();
      await tab.page.getByRole("tab", { name: "Settings" }).click();
      await tab.page.locator(".params summary").click();
      await look("settings");
      await tab.page.keyboard.press("Escape");
      story.server.emulator.play({ ...slow, delayMs: 400 });
      await say("slowly");
      await tab.lastAnswer.getByText("word5").waitFor();
      await say("next");
      await look("streaming");
      await tab.button("Take back").click();
      await tab.page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>("#composer")!.value === "next");
      await tab.composer.fill("");
      await tab.button("Stop the answer").click();
      await tab.lastAnswer.getByText("You stopped this answer.").waitFor();
      await tab.page.keyboard.press("Control+k");
      await tab.page.getByRole("dialog").waitFor();
      await look("palette");
      await tab.page.keyboard.press("Escape");
      await tab.page.locator(".scroller").focus();
      await tab.page.keyboard.press("?");
      await tab.page.getByRole("dialog").waitFor();
      await look("shortcuts");
      await tab.page.keyboard.press("Escape");
      if (name === "phone") await tab.button("Open the list of conversations").click();
      await tab.page.locator("#search").fill("bold");
      await tab.page.locator("mark").first().waitFor();
      await look("search");
      await tab.page.locator(".session-row > a").first().click();
      await tab.page.locator(".find-bar").waitFor();
      await look("found");
      if (name === "phone") await tab.button("Open the list of conversations").click();
      await tab.page.locator("#search").fill("");
      await tab.page.locator(".session-list .select").click();
      await tab.page.locator(".choice input").first().check();
      await look("choosing");
      await tab.page.getByRole("toolbar").getByRole("button", { name: "Cancel" }).click();
      await tab.page.getByRole("link", { name: "Trash" }).click();
      await tab.page.locator(".trash-head").waitFor();
      await look("trash");
      await tab.button("Empty the trash").click();
      await look("erase");
      await tab.page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
      await fetch(`${story.server.url}/budgets/user:olena`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ limits: [{ window: "day", usd: "1" }], soft: 0.8 }),
      });
      for (const room of ["usage", "models", "keys", "budgets", "projects", "audit", "health"]) {
        await tab.page.goto(`${story.server.url}/#/${room}`);
        await tab.page.locator(".room").waitFor();
        await tab.page.locator(".room :is(table, .facts, .button.strong, .quiet)").first().waitFor();
        await look(room);
      }
      await tab.page.goto(`${story.server.url}/#/keys`);
      await tab.page.locator(".more-of-room summary").click();
      await look("tokens");
      for (const [room, button] of [
        ["keys", "New key"],
        ["budgets", "Set a limit"],
        ["budgets", "Raise for a time"],
        ["projects", "New project"],
      ]) {
        await tab.page.goto(`${story.server.url}/#/${room}`);
        await tab.button(button!).first().click();
        await tab.page.locator(".room-form").waitFor();
        await look(button!);
        await tab.button("Cancel").click();
      }
      await tab.page.goto(`${story.server.url}/#/s/01939c5e-7b1a-7c3d-9f20-0c1d2e3f4a5b`);
      await tab.page.getByText("There is no such conversation").waitFor();
      await look("missing");
      expect(Object.fromEntries(Object.entries(seen).filter(([, found]) => found.length > 0))).toEqual({});
      await reader.close();
    });

test("axe has nothing to say where the server asks for a key", async () => {
  const reader = await newReader(story.browser);
  const tab = await newTab(reader);
  await tab.page.route("**/sessions?*", (route) =>
    route.fulfill({
      status: 401,
      contentType: "application/problem+json",
      body: JSON.stringify({ code: "unauthenticated" }),
    }),
  );
  await tab.page.goto(story.server.url);
  await tab.page.getByLabel("API key").waitFor();
  expect(await violations(tab)).toEqual([]);
  await reader.close();
});
