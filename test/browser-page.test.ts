// The built-in page for every reader: languages, colours, phones, keyboards, long conversations, safe content.

import { expect, test } from "bun:test";
import { slow, tellBrowserStory, usage, words } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

test("Ukrainian by choice of the browser or of the reader, and it stays", async () => {
  const ukrainian = await newReader(story.browser, { locale: "uk-UA" });
  const other = await newTab(ukrainian);
  await other.open(story.server.url);
  expect(await other.page.locator("html").getAttribute("lang")).toBe("uk");
  await other.page.getByText("Про що поговоримо?").waitFor();
  await ukrainian.close();

  await story.tab.page.getByLabel("Language").selectOption("uk");
  await story.tab.page.getByText("Про що поговоримо?").waitFor();
  await story.tab.page.reload();
  await story.tab.page.getByText("Про що поговоримо?").waitFor();
  await story.tab.page.getByLabel("Мова", { exact: true }).selectOption("en");
  await story.tab.page.getByText("What shall we talk about?").waitFor();
});

test("dark by choice, and it stays", async () => {
  const background = () => story.tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await story.tab.button("Dark").click();
  const dark = await background();
  expect(dark).not.toBe(light);
  await story.tab.page.reload();
  await story.tab.composer.waitFor();
  expect(await background()).toBe(dark);
});

test("conversations are renamed, found, trashed and brought back", async () => {
  story.server.emulator.play({ text: "Буряк і капуста." });
  await story.tab.say("Що кладуть у борщ?");
  await story.tab.answered();
  await story.tab.page.locator("h1 button").click();
  await story.tab.page.getByLabel("Title of the conversation").fill("Кухня");
  await story.tab.page.keyboard.press("Enter");
  await story.tab.page.locator("h1", { hasText: "Кухня" }).waitFor();

  await story.tab.page.getByLabel("Search conversations").fill("капуста");
  await story.tab.page.locator("mark", { hasText: "капуста" }).waitFor();
  expect(await story.tab.sessionLinks.count()).toBe(1);
  await story.tab.page.getByLabel("Search conversations").fill("");
  await story.tab.sessionLinks.first().waitFor();

  const address = story.tab.page.url();
  await story.tab.page.locator("header.header").getByRole("button", { name: "Move to trash" }).click();
  await story.tab.page.getByText("What shall we talk about?").waitFor();
  await story.tab.button("Undo").click();
  await story.tab.page.locator("h1", { hasText: "Кухня" }).waitFor();
  expect(story.tab.page.url()).toBe(address);
  await story.tab.answers.first().waitFor();
});

test("a hit opens the conversation at the message it is in, however far up, with its words marked", async () => {
  const session = await (await fetch(`${story.server.url}/sessions`, { method: "POST" })).json();
  const headers = { "content-type": "application/json" };
  for (let n = 0; n < 60; n++) {
    const answer = n === 3 ? "Here **Verkhovyna** lies, and Verkhovyna it is." : "Nothing of note.\n\n".repeat(4);
    story.server.emulator.play({ text: answer });
    const body = JSON.stringify({ content: `question ${n}` });
    await (
      await fetch(`${story.server.url}/sessions/${session.id}/messages`, { method: "POST", headers, body })
    ).text();
  }
  await story.tab.page.locator("#search").fill("verkhovyna");
  await story.tab.page.locator("mark").first().waitFor();
  await story.tab.page.keyboard.press("Enter");
  const found = story.tab.answers.filter({ hasText: "Verkhovyna lies" });
  await found.waitFor();
  await story.tab.page.waitForFunction(() => CSS.highlights.get("found")?.size === 2);
  const box = (await found.boundingBox())!;
  expect(box.y > 0 && box.y < 800).toBe(true);
  expect(story.tab.page.url()).toMatch(/#\/s\/[\w-]+\/[\w-]+$/);
  await story.tab.page.reload();
  await found.waitFor();
  await story.tab.page.waitForFunction(() => {
    const answer = [...document.querySelectorAll(".answer")].find((one) =>
      one.textContent?.includes("Verkhovyna lies"),
    );
    const top = answer?.getBoundingClientRect().top ?? -1;
    return top > 0 && top < innerHeight;
  });
});

test("a draft survives a reload", async () => {
  await story.tab.composer.fill("half a thought");
  await story.tab.page.reload();
  await story.tab.composer.waitFor();
  expect(await story.tab.composer.inputValue()).toBe("half a thought");
});

test("Shift+Enter makes a line, Enter sends both", async () => {
  story.server.emulator.play({ text: "Two lines." });
  await story.tab.composer.fill("one");
  await story.tab.composer.press("Shift+Enter");
  await story.tab.composer.pressSequentially("two");
  await story.tab.composer.press("Enter");
  await story.tab.answered();
  expect(await story.tab.questions.first().locator(".bubble").innerText()).toBe("one\ntwo");
});

test("an input method's Enter chooses a word and its Escape drops one, in Safari's order of events too", async () => {
  const press = (label: string, key: string, init: KeyboardEventInit) =>
    story.tab.page
      .getByLabel(label, { exact: true })
      .evaluate(
        (field, [name, more]) =>
          field.dispatchEvent(
            new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more } as KeyboardEventInit),
          ),
        [key, init] as const,
      );
  const safari = { keyCode: 229 } as KeyboardEventInit;
  await story.tab.composer.fill("日本語");
  await press("Message", "Enter", { isComposing: true });
  await press("Message", "Enter", safari);
  expect(await story.tab.composer.inputValue()).toBe("日本語");
  expect(await story.tab.questions.count()).toBe(0);

  story.server.emulator.play({ text: "はい。" });
  await story.tab.composer.press("Enter");
  await story.tab.answered();
  await story.tab.questions.last().hover();
  await story.tab.questions.last().getByRole("button", { name: "Edit" }).click();
  await story.tab.page.getByLabel("Edit", { exact: true }).fill("変更");
  await press("Edit", "Escape", safari);
  await press("Edit", "Enter", safari);
  expect(await story.tab.page.getByLabel("Edit", { exact: true }).inputValue()).toBe("変更");
  await story.tab.page.getByLabel("Edit", { exact: true }).press("Escape");

  await story.tab.page.locator("h1 button").click();
  const title = story.tab.page.getByLabel("Title of the conversation");
  await title.fill("題");
  await press("Title of the conversation", "Escape", safari);
  expect(await title.inputValue()).toBe("題");
  await title.press("Enter");
  await story.tab.page.locator("h1", { hasText: "題" }).waitFor();
});

test("words of right-to-left scripts stand on their own side, wherever they appear", async () => {
  story.server.emulator.play({ text: "שלום עולם\n\nPlain English." });
  await story.tab.say("مرحبا");
  await story.tab.answered();
  const direction = (selector: string) =>
    story.tab.page.locator(selector).evaluate((element) => getComputedStyle(element).direction);
  expect(await direction(".bubble")).toBe("rtl");
  expect(await direction(".answer .block >> nth=0")).toBe("rtl");
  expect(await direction(".answer .block >> nth=1")).toBe("ltr");
  expect(await direction(".session-row .title >> nth=0")).toBe("rtl");
  await story.tab.composer.fill("سؤال");
  expect(await direction("#composer")).toBe("rtl");
});

test("an answer that tries to be a script stays text, and nothing is fetched from elsewhere", async () => {
  const foreign: string[] = [];
  story.tab.page.on("request", (request) => {
    if (!request.url().startsWith(story.server.url)) foreign.push(request.url());
  });
  story.server.emulator.play({
    text: "<script>document.title='taken'</script>\n\n<img src=x onerror=\"document.title='taken'\">\n\n![x](https://tracker.example/x.png)\n\n[y](javascript:document.title='taken')",
  });
  await story.tab.say("attack");
  await story.tab.answered();
  expect(await story.tab.lastAnswer.locator("script, img").count()).toBe(0);
  await story.tab.lastAnswer.getByText("y", { exact: true }).click();
  expect(await story.tab.page.title()).toBe("attack · Rozmova");
  expect(foreign).toEqual([]);
});

test("on a phone nothing is wider than the screen and the list is a drawer", async () => {
  const phone = await newReader(story.browser, {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
  });
  const small = await newTab(phone);
  await small.open(story.server.url);
  story.server.emulator.play({
    text: `| a | b | c | d |\n|---|---|---|---|\n| ${"long ".repeat(30)} | 2 | 3 | 4 |\n\n\`\`\`js\n${"x".repeat(300)}\n\`\`\``,
  });
  await small.composer.fill("a wide table");
  await small.button("Send").click();
  await small.answered();
  expect(await small.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  await small.button("Open the list of conversations").click();
  await small.page.locator(".new-conversation").click();
  await small.page.getByText("What shall we talk about?").waitFor();
  expect(small.complaints).toEqual([]);
  await phone.close();
});

test("Escape leaves a title as it was", async () => {
  story.server.emulator.play({ text: "Yes." });
  await story.tab.say("the title");
  await story.tab.answered();
  await story.tab.page.locator("h1 button").click();
  await story.tab.page.getByLabel("Title of the conversation").fill("something else");
  await story.tab.page.keyboard.press("Escape");
  await story.tab.page.locator("h1", { hasText: "the title" }).waitFor();
  await story.tab.page.reload();
  await story.tab.page.locator("h1", { hasText: "the title" }).waitFor();
});

test("the reader who scrolled up is left in peace, and jumps back when ready", async () => {
  story.server.emulator.play({ ...slow, text: words.replaceAll(" ", "\n\n") });
  await story.tab.say("a long one");
  await story.tab.lastAnswer.getByText("word15").waitFor();
  const scroller = story.tab.page.locator(".scroller");
  await story.tab.page.waitForFunction(() => {
    const area = document.querySelector(".scroller")!;
    return area.scrollHeight - area.scrollTop - area.clientHeight < 2;
  });
  await scroller.hover();
  await story.tab.page.mouse.wheel(0, -5000);
  await story.tab.answered();
  expect(await scroller.evaluate((area) => area.scrollTop)).toBe(0);
  await story.tab.button("Jump to the latest message").click();
  await story.tab.page.waitForFunction(() => {
    const area = document.querySelector(".scroller")!;
    return area.scrollHeight - area.scrollTop - area.clientHeight < 2;
  });
});

test("a turn of the wheel where there is nothing to scroll does not end following the answer", async () => {
  await story.tab.page.getByRole("link", { name: "New conversation" }).first().click();
  await story.tab.page.locator(".conversation.new").waitFor();
  const scroller = story.tab.page.locator(".scroller");
  await scroller.hover();
  await story.tab.page.mouse.wheel(0, -300);
  story.server.emulator.play({ text: words.replaceAll(" ", "\n\n"), chunks: 20, delayMs: 8, usage });
  await story.tab.say("follow it");
  await story.tab.answered();
  const left = await scroller.evaluate((area) => area.scrollHeight - area.scrollTop - area.clientHeight);
  expect({ left, scrolled: (await scroller.evaluate((area) => area.scrollTop)) > 0 }).toEqual({
    left: 0,
    scrolled: true,
  });
});

test("while an answer streams in, nothing that is read moves: layout shift under 0.05", async () => {
  const part =
    "## Heading\n\nText with **bold** words and `code` to fill the line.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```ts\nconst a = 1;\n```\n\n";
  story.server.emulator.play({ text: part.repeat(25), chunks: 120, delayMs: 15, usage });
  await story.tab.page.evaluate(() => {
    const shift = { sum: 0 };
    Object.assign(globalThis, { shift });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[])
        if (!entry.hadRecentInput) shift.sum += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await story.tab.say("stream");
  await story.tab.answered();
  expect(
    await story.tab.page.evaluate(() => (globalThis as unknown as { shift: { sum: number } }).shift.sum),
  ).toBeLessThan(0.05);
});

test("a long conversation loads its end first, and what came before on the way up", async () => {
  const session = await (await fetch(`${story.server.url}/sessions`, { method: "POST" })).json();
  story.server.emulator.always({ text: "An answer of a few words." });
  for (let n = 0; n < 60; n++) {
    const body = JSON.stringify({ content: `question ${n}` });
    const headers = { "content-type": "application/json" };
    await fetch(`${story.server.url}/sessions/${session.id}/messages`, { method: "POST", headers, body });
  }
  await story.tab.page.goto(`${story.server.url}/#/s/${session.id}`);
  await story.tab.page.getByText("question 59").waitFor();
  const seen = new Set<string>();
  const look = async () => {
    for (const words of await story.tab.questions.locator(".bubble").allInnerTexts()) seen.add(words);
  };
  await look();
  expect(seen.size).toBeLessThanOrEqual(25);
  const scroller = story.tab.page.locator(".scroller");
  for (let tries = 0; tries < 200 && !seen.has("question 0"); tries++) {
    await scroller.evaluate((area) => area.scrollBy(0, -area.clientHeight));
    await look();
  }
  expect([...seen].sort()).toEqual(Array.from({ length: 60 }, (_, n) => `question ${n}`).sort());
});

test.each(["light", "dark"] as const)(
  "in %s colours every text stands out (AA) and every control has a name",
  async (colorScheme) => {
    const context = await newReader(story.browser, { colorScheme });
    const own = await newTab(context);
    await own.open(story.server.url);
    story.server.emulator.play({
      text: "Text with `code`, a [link](https://example.com).\n\n> quoted\n\n```js\nconst a = 1; // note\n```",
      thoughts: "Hm.",
      usage,
    });
    await own.say("hello");
    await own.answered();
    await own.page.locator(".hljs-comment").waitFor();
    expect(await own.page.evaluate(findFaint)).toEqual([]);
    const nameless = await own.page.evaluate(() =>
      [...document.querySelectorAll("button, a, input, textarea, select")]
        .filter(
          (control) => !(control.textContent?.trim() || control.getAttribute("aria-label") || control.closest("label")),
        )
        .map((control) => control.outerHTML),
    );
    expect(nameless).toEqual([]);
    await context.close();
  },
);

/** Runs in the page: texts whose contrast with what is behind them is under 4.5 (WCAG 2.2, 1.4.3; 3 for large text). */
function findFaint(): string[] {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const pixel = (colour: string): number[] => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (rgb: number[]) => {
    const [r = 0, g = 0, b = 0] = rgb.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element: Element | null): number[] => {
    for (let at = element; at; at = at.parentElement) {
      const colour = pixel(getComputedStyle(at).backgroundColor);
      if ((colour[3] ?? 0) > 250) return colour;
    }
    return [255, 255, 255];
  };
  const faint: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent?.trim();
    if (!element || !words || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest(".hidden, :disabled")) continue;
    const style = getComputedStyle(element);
    const [low = 0, high = 0] = [luminance(pixel(style.color)), luminance(behind(element))].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = Number.parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${words.slice(0, 30)}: ${ratio.toFixed(2)} (${style.color})`);
  }
  return faint;
}
