// Answers made to hang, overflow or flood the page: each ends as an answer, readable, and never holds up the reader.

import { beforeEach, expect, test } from "bun:test";
import { tellBrowserStory } from "./browser-story.ts";
import type { ChatPage } from "./page.ts";
import { watchTasks } from "./page-tasks.ts";

const story = tellBrowserStory();
const times = (count: number, piece: string | ((index: number) => string)) =>
  Array.from({ length: count }, (_, index) => (typeof piece === "string" ? piece : piece(index))).join("");

/** What was seen to overflow or freeze Markdown readers, ours or others'. */
const corpus: Record<string, string> = {
  "2,000 nested quotes": `${times(2000, ">")} deep`,
  "2,000 nested quotes, one a line": times(300, (n) => `${times(n * 6, ">")} line ${n}\n`),
  "2,000 nested lists in one line": `${times(2000, "- ")}deep`,
  "1,000 nested lists": times(1000, (n) => `${" ".repeat(n * 2)}- item ${n}\n`),
  "1,000 nested numbered lists": times(600, (n) => `${" ".repeat(n * 3)}1. item ${n}\n`),
  "200,000 spaces between two letters": `a${" ".repeat(200_000)}b`,
  "200,000 tabs between two letters": `a${"\t".repeat(200_000)}b`,
  "120 KB of underscores": `a ${"_".repeat(120_000)}`,
  "120 KB of stars and letters": times(40_000, "*a "),
  "50,000 open processing instructions": times(50_000, "<?"),
  "50,000 open comments": times(50_000, "<!--"),
  "50,000 open declarations": times(50_000, "<!A "),
  "50,000 opening brackets": "[".repeat(50_000),
  "50,000 links that never close": times(50_000, "[a]("),
  "50,000 pictures that never close": times(50_000, "![a]("),
  "60,000 backticks of every length": times(340, (n) => `${"`".repeat(n)} `),
  "100 KB of tildes": "~".repeat(100_000),
  "100,000 tags": times(30_000, "<b"),
  "a table of 20,000 columns": `${times(20_000, "|a")}|\n${times(20_000, "|-")}|\n${times(20_000, "|b")}|`,
  "a table of 10,000 rows": `| a | b |\n|---|---|\n${times(10_000, (n) => `| ${n} | x |\n`)}`,
  "a list of 20,000 items": times(20_000, (n) => `- item ${n}\n`),
  "a word of 500,000 letters": "x".repeat(500_000),
  "8,000 short paragraphs": times(8_000, (n) => `p${n}\n\n`),
  "30,000 formulas": times(30_000, "$x^2$ "),
  "a formula nested 700 deep": `$${times(700, "\\frac{1}{")}x${"}".repeat(700)}$`,
  "50,000 open dollars": times(50_000, "$a "),
  "50,000 open display formulas": times(50_000, "\\[ "),
  "code that nobody can colour in time": `\`\`\`js\n${"a".repeat(20_000)}${"(".repeat(20_000)}\n\`\`\``,
  "code of one line of 1 MB": `\`\`\`\n${"x y ".repeat(250_000)}\n\`\`\``,
  "code of 30,000 lines": `\`\`\`ts\n${times(30_000, (n) => `const a${n} = ${n};\n`)}\`\`\``,
  "5,000 link definitions": `${times(5_000, (n) => `[a${n}]: http://b/${n}\n`)}\n${times(2_000, (n) => `[a${n}] `)}`,
  "5,000 footnotes": times(5_000, (n) => `a[^${n}]\n[^${n}]: [^1]: \n\n\n`),
  "entities without end": times(30_000, "&amp;&#120;&rarr;&nosuchname;"),
  "e-mail addresses without end": `${"a".repeat(50_000)}@${"b.".repeat(20_000)}`,
  "www without end": times(30_000, "www."),
  "setext lines without end": times(30_000, "a\n-\n"),
  "every open mark at once": times(8_000, "**_~~`[<$"),
};

/** Until every reader of texts has nothing to do: the answer's words have stopped changing. */
async function settled(tab: ChatPage): Promise<void> {
  await tab.page.waitForFunction(
    () => {
      const prose = [...document.querySelectorAll("article.answer .prose")].at(-1);
      const seen = `${prose?.querySelectorAll("*").length} ${prose?.textContent?.length}`;
      const before = (globalThis as { before?: string }).before;
      Object.assign(globalThis, { before: seen });
      return prose && (prose.textContent?.length ?? 0) > 0 && seen === before;
    },
    undefined,
    { polling: 250, timeout: 40_000 },
  );
}

/** What once held up the page did so for many seconds. An idle machine shows at most 200 ms; this one may be busy, and its cache cold. */
const longestMs = 1_000;

beforeEach(() => story.tab.page.setDefaultTimeout(40_000));

for (const [name, text] of Object.entries(corpus))
  test(`${name}: an answer like any other, and nothing waits for it`, async () => {
    story.server.emulator.play({ text, chunks: 20, delayMs: 5 });
    const tasks = await watchTasks(story.tab.page);
    await story.tab.say("go");
    await story.tab.answered();
    await settled(story.tab);
    expect((await tasks())[0]?.ms).toBeLessThan(longestMs);
    expect(await story.tab.page.getByRole("alert").count()).toBe(0);
    expect(await story.tab.button("Try again").count()).toBe(0);
    expect(story.server.emulator.callCount).toBe(1);
    await story.tab.composer.fill("still alive");
  });

test("a conversation of nothing but such answers opens, and stays quick", async () => {
  const headers = { "content-type": "application/json" };
  const session = await (await fetch(`${story.server.url}/sessions`, { method: "POST" })).json();
  for (const text of Object.values(corpus)) {
    story.server.emulator.play({ text, chunks: 20, delayMs: 0 });
    const body = JSON.stringify({ content: "go" });
    const answer = await fetch(`${story.server.url}/sessions/${session.id}/messages`, {
      method: "POST",
      headers,
      body,
    });
    expect(answer.status).toBe(201);
    await answer.body?.cancel();
  }
  const tasks = await watchTasks(story.tab.page);
  await story.tab.page.goto(`${story.server.url}/#/s/${session.id}`);
  await story.tab.answered();
  await settled(story.tab);
  const scroller = story.tab.page.locator(".scroller");
  for (let step = 0; step < 60 && (await scroller.evaluate((area) => area.scrollTop)) > 0; step++)
    await scroller.evaluate((area) => area.scrollBy(0, -area.scrollHeight / 40));
  expect((await tasks())[0]?.ms).toBeLessThan(longestMs);
  expect(await story.tab.answers.count()).toBeGreaterThan(1);
  await story.tab.composer.fill("still alive");
}, 90_000);
