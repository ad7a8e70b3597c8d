// The built-in page in a real browser against the real server: answers stream, resume and stop, and nothing is paid twice.

import { expect, test } from "bun:test";
import { cost, exactCost, slow, tellBrowserStory, usage, words } from "./browser-story.ts";
import { newTab } from "./page.ts";

const story = tellBrowserStory();

/** Looks at the answer until it has ended: at every moment it is the beginning of the whole. */
async function expectNoSlip(): Promise<void> {
  const running = story.tab.page.locator("article.answer[aria-busy=true]");
  while ((await running.count()) > 0) {
    const seen = await story.tab.textOf();
    expect(words.startsWith(seen) ? "" : seen).toBe("");
  }
  await story.tab.answered();
}

test("an answer streams in, shows its cost, and both are there again after a reload", async () => {
  story.server.emulator.play({ ...slow, text: `# Title\n\n${words} and **bold**`, thoughts: "Let me see." });
  await story.tab.say("Tell me sixty words");
  await story.tab.lastAnswer.getByText("word3").waitFor();
  expect(await story.tab.textOf()).not.toContain("word59");
  await story.tab.answered();
  expect(await story.tab.textOf()).toContain(`${words} and bold`);
  expect(await story.tab.lastCost.textContent()).toBe(cost);
  expect(await story.tab.lastCost.getAttribute("title")).toBe(exactCost);
  expect(await story.tab.total.textContent()).toBe(cost);
  expect(await story.tab.page.title()).toBe("Tell me sixty words · Rozmova");
  expect(await story.tab.sessionLinks.first().innerText()).toBe("Tell me sixty words");

  await story.tab.page.reload();
  await story.tab.answered();
  expect(await story.tab.textOf()).toContain(`${words} and bold`);
  expect(await story.tab.lastCost.textContent()).toBe(cost);
  expect(await story.tab.total.textContent()).toBe(cost);
  expect(await story.tab.lastAnswer.locator(".thoughts summary").innerText()).toBe("Thoughts");
});

test("the receipt adds up line by line, beside the conversation, and says what the cache saved", async () => {
  story.server.emulator.play({ text: "Short.", usage });
  await story.tab.say("hi");
  await story.tab.answered();
  await story.tab.lastCost.click();
  const receipt = story.tab.page.locator(".receipt");
  await receipt.waitFor();
  const lines = await receipt
    .locator(".line")
    .evaluateAll((all) =>
      all.map((line) => [...line.querySelectorAll("span, b, .small")].map((cell) => cell.textContent)),
    );
  expect(lines).toEqual([
    ["Input", "0.0002400", "800 × $0.30/M"],
    ["Input from cache", "0.0000060", "200 × $0.03/M"],
    ["Output", "0.0002500", "100 × $2.50/M"],
    ["Thinking", "0.0001250", "50 × $2.50/M"],
    ["saved by cache", "−0.0000540"],
    ["Total", "$0.0006210"],
  ]);
  expect(await receipt.locator(".asked").textContent()).toBe("hi");
  expect(await story.tab.page.locator(".summary .exact").innerText()).toBe(`${exactCost} · exact`);
  await story.tab.page.keyboard.press("Escape");
  await receipt.waitFor({ state: "detached" });
  expect(await story.tab.lastCost.evaluate((chip) => chip === document.activeElement)).toBe(true);
});

test("a reload in the middle of an answer loses nothing, repeats nothing and bills once", async () => {
  story.server.emulator.play(slow);
  await story.tab.say("slowly");
  await story.tab.lastAnswer.getByText("word5").waitFor();
  await story.tab.page.reload();
  await story.tab.lastAnswer.getByText("word5").waitFor();
  await expectNoSlip();
  expect(await story.tab.textOf()).toBe(words);
  expect(await story.tab.total.textContent()).toBe(cost);
  expect(story.server.emulator.callCount).toBe(1);
});

test("a second tab follows the same answer from its first word", async () => {
  story.server.emulator.play({ text: "First." }, slow);
  await story.tab.say("first");
  await story.tab.answered();
  const second = await newTab(story.reader);
  await second.open(story.tab.page.url());
  await story.tab.say("second");
  await second.lastAnswer.getByText("word3").waitFor();
  await Promise.all([story.tab.answered(), second.answered()]);
  expect(await story.tab.textOf()).toBe(words);
  expect(await second.textOf()).toBe(words);
  expect(await second.answers.count()).toBe(2);
  expect(second.complaints).toEqual([]);
});

test("a connection that breaks again and again still gives every word once", async () => {
  story.server.emulator.play(slow);
  const cut = (path: string) =>
    story.tab.page.route(path, async (route) => {
      const headers = { ...route.request().headers() };
      const response = await fetch(route.request().url(), {
        method: route.request().method(),
        headers,
        body: route.request().postData(),
      });
      const parts: string[] = [];
      const decoder = new TextDecoder();
      for await (const chunk of response.body!) {
        parts.push(decoder.decode(chunk, { stream: true }));
        if (parts.length > 6) break; // and the rest of this connection is lost, perhaps in the middle of an event
      }
      const body = parts.join("");
      await route.fulfill({
        status: response.status,
        contentType: "text/event-stream",
        body: body.slice(0, body.length - (parts.length > 6 ? 7 : 0)),
      });
    });
  await cut("**/messages");
  await cut("**/events");
  await story.tab.say("over a bad line");
  await story.tab.lastAnswer.getByText("word0").waitFor();
  await expectNoSlip();
  expect(await story.tab.textOf()).toBe(words);
  expect(story.server.emulator.callCount).toBe(1);
});

test("an answer to the question that got lost on the way back is not asked for twice", async () => {
  story.server.emulator.play({ text: "Only once.", usage });
  let lost = 0;
  await story.tab.page.route("**/messages", async (route) => {
    if (lost++ > 0) return route.continue();
    const request = route.request();
    await fetch(request.url(), { method: "POST", headers: request.headers(), body: request.postData() }).then(
      (response) => response.text(),
    );
    await route.abort("connectionreset");
  });
  story.expected = /ERR_CONNECTION_RESET/;
  await story.tab.say("hello");
  await story.tab.answered();
  expect(await story.tab.textOf()).toBe("Only once.");
  expect(await story.tab.questions.count()).toBe(1);
  expect(await story.tab.total.textContent()).toBe(cost);
  expect(story.server.emulator.callCount).toBe(1);
});

test("stop ends the answer at once, and its bill arrives by itself", async () => {
  story.server.emulator.play({ ...slow, delayMs: 60 });
  await story.tab.say("stop me");
  await story.tab.lastAnswer.getByText("word3").waitFor();
  await story.tab.button("Stop the answer").click();
  await story.tab.lastAnswer.getByText("You stopped this answer.").waitFor();
  expect(await story.tab.textOf()).not.toContain("word59");
  await story.tab.button("Send").waitFor();
  await story.tab.lastAnswer.getByText("The final cost is still being read.").waitFor({ state: "detached" });
  await story.tab.lastCost.waitFor();
  const total = await story.tab.lastCost.textContent();
  expect(total).toMatch(/^(≥\u00a0|≈\u00a0)?0\.\d+\u00a0¢$/);
  await story.tab.page.reload();
  await story.tab.answered();
  expect(await story.tab.lastCost.textContent()).toBe(total);
  expect(await story.tab.total.textContent()).toBe(total);
});

test("a failure is shown where it happened, and trying again takes its place", async () => {
  story.server.emulator.play({ fault: "bad-argument" }, { text: "Now it works.", usage });
  story.expected = /status of 50\d|status of 4\d\d/;
  await story.tab.say("hello");
  const problem = story.tab.page.getByRole("alert").last();
  await problem.getByRole("button", { name: "Try again" }).waitFor();
  await problem.getByRole("button", { name: "Try again" }).click();
  await story.tab.lastAnswer.getByText("Now it works.").waitFor();
  await story.tab.answered();
  expect(await story.tab.questions.count()).toBe(1);
  expect(await story.tab.page.getByRole("alert").count()).toBe(0);
  await story.tab.page.reload();
  await story.tab.answered();
  expect(await story.tab.questions.count()).toBe(1);
});

test("an answer that breaks off keeps its words and says why", async () => {
  story.server.emulator.play({ fault: "reset-midstream", text: words, chunks: 20, after: 5, usage });
  await story.tab.say("hello");
  await story.tab.answered();
  expect(await story.tab.textOf()).toContain("word3");
  expect(await story.tab.lastCost.getAttribute("data-accuracy")).toMatch(/partial|estimated/);
  expect(await story.tab.lastCost.textContent()).toMatch(/^[≥≈]/);
  await story.tab.lastAnswer.getByRole("button", { name: "Try again" }).waitFor();
});

test("an edited question takes the place of the old one; both stay paid for", async () => {
  story.server.emulator.play({ text: "To the old words.", usage }, { text: "To the new words.", usage });
  await story.tab.say("old words");
  await story.tab.answered();
  await story.tab.questions.last().hover();
  await story.tab.questions.last().getByRole("button", { name: "Edit" }).click();
  const editor = story.tab.page.getByLabel("Edit");
  await editor.fill("new words");
  await editor.press("Enter");
  await story.tab.lastAnswer.getByText("To the new words.").waitFor();
  await story.tab.answered();
  expect(await story.tab.questions.count()).toBe(1);
  expect(await story.tab.total.textContent()).toBe("0.124\u00a0¢");
  await story.tab.page.reload();
  await story.tab.answered();
  expect(await story.tab.textOf()).toBe("To the new words.");
});
