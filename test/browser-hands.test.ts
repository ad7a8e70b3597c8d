// The page by keyboard and by finger: everything can be reached, nothing is lost, nothing is sent by mistake.

import { expect, test } from "bun:test";
import { cost, slow, tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();
const focused = () => story.tab.page.evaluate(() => document.activeElement?.id || document.activeElement?.className);

const fieldSays = (words: string) =>
  story.tab.page.waitForFunction(
    (said) => document.querySelector<HTMLTextAreaElement>("#composer")!.value === said,
    words,
  );

test("an idea fills the field; nothing is asked and nothing is paid until the reader sends it", async () => {
  await story.tab.button(/Explain how tides work/).click();
  await fieldSays("Explain how tides work, simply");
  expect(await focused()).toBe("composer");
  expect(story.server.emulator.callCount).toBe(0);
});

test("model, thinking and instructions are chosen before the first message, and that message is asked so", async () => {
  await story.tab.page.locator(".setup-line").click();
  const model = story.tab.page.getByRole("radio", { name: /Gemini 3.1 Flash-Lite/ });
  await model.check();
  await story.tab.page.getByLabel("Thinking").selectOption("low");
  await story.tab.page.getByLabel("Instructions for the model").fill("Answer in one word.");
  await story.tab.page.getByLabel("Instructions for the model").blur();
  await story.tab.page.locator(".setup-line", { hasText: "Gemini 3.1 Flash-Lite" }).waitFor();
  await story.tab.page.locator(".setup-line", { hasText: "thinking: low" }).waitFor();
  story.server.emulator.play({ text: "Yes.", usage });
  await story.tab.say("Is it so?");
  await story.tab.answered();
  const [call] = story.server.emulator.generateCalls();
  expect(call?.path).toContain("gemini-3.1-flash-lite");
  expect(JSON.stringify(call?.body)).toContain("Answer in one word.");
  expect(JSON.stringify(call?.body)).toContain("thinkingLevel");
});

test("the model table says what each costs and when it retires; parameters appear only where the model takes them", async () => {
  await story.tab.button("Settings").click();
  const row = story.tab.page.getByRole("row", { name: "Gemini 2.5 Flash $" });
  expect(await row.locator("td").allInnerTexts()).toEqual(["$0.30", "$0.03", "$2.50", "1M"]);
  expect(await row.locator("xpath=following-sibling::tr[1]").locator(".retires").innerText()).toContain(
    "retires 1 Dec 2026 → gemini-3.5-flash-lite",
  );
  await story.tab.page.locator(".params summary").click();
  await story.tab.page.getByLabel("Temperature").waitFor();
  await story.tab.page.getByRole("radio", { name: /Gemini 3.5 Flash-Lite/ }).check();
  await story.tab.page.getByLabel("Temperature").waitFor({ state: "detached" });
});

test("a preset kept under a name is there for the next conversation", async () => {
  await story.tab.button("Settings").click();
  await story.tab.page.getByLabel("Instructions for the model").fill("Be brief.");
  await story.tab.page.getByLabel("Name of a preset").fill("Brief");
  await story.tab.button("Keep").click();
  await story.tab.page.getByLabel("Instructions for the model").fill("Something else.");
  await story.tab.page.reload();
  await story.tab.composer.waitFor();
  await story.tab.button("Settings").click();
  await story.tab.button("Brief").click();
  expect(await story.tab.page.getByLabel("Instructions for the model").inputValue()).toBe("Be brief.");
});

test("what is written while an answer runs is sent when that has ended, or taken back", async () => {
  story.server.emulator.play(slow, { text: "Second.", usage });
  await story.tab.say("first");
  await story.tab.lastAnswer.getByText("word3").waitFor();
  await story.tab.say("second");
  await story.tab.page.locator(".waiting-message", { hasText: "second" }).waitFor();
  await story.tab.button("Take back").click();
  await fieldSays("second");
  await story.tab.composer.press("Enter");
  await story.tab.lastAnswer.getByText("Second.").waitFor();
  await story.tab.answered();
  expect(await story.tab.questions.locator(".bubble").allInnerTexts()).toEqual(["first", "second"]);
});

test("asking again for an old answer that was stopped is another version: what came after it is a click away, also after a reload", async () => {
  story.server.emulator.play(
    { ...slow, delayMs: 60 },
    { text: "Two.", usage },
    { text: "Three.", usage },
    { text: "Four." },
  );
  await story.tab.say("one");
  await story.tab.lastAnswer.getByText("word3").waitFor();
  await story.tab.page.keyboard.press("Escape");
  await story.tab.lastAnswer.getByText("You stopped this answer.").waitFor();
  expect(await focused()).toBe("composer");
  for (const [words, answer] of [
    ["two", "Two."],
    ["three", "Three."],
  ] as const) {
    await story.tab.say(words);
    await story.tab.lastAnswer.getByText(answer).waitFor();
    await story.tab.answered();
  }
  await story.tab.answers.first().getByRole("button", { name: "Try again" }).click();
  await story.tab.lastAnswer.getByText("Four.").waitFor();
  await story.tab.answered();
  const asked = () => story.tab.questions.locator(".bubble").allInnerTexts();
  expect(await asked()).toEqual(["one"]);
  await story.tab.page.reload();
  await story.tab.answered();
  expect(await asked()).toEqual(["one"]);
  await story.tab.button("Previous version").click();
  await story.tab.lastAnswer.getByText("Three.").waitFor();
  expect(await asked()).toEqual(["one", "two", "three"]);
});

test("an answer cut at its limit can be continued; a good one can be asked for again, and what it hid is said", async () => {
  story.server.emulator.play(
    { text: "The first half", finishReason: "MAX_TOKENS", usage },
    { text: "and the rest.", usage },
    { text: "Better.", usage },
  );
  await story.tab.say("long");
  await story.tab.answered();
  await story.tab.button("Continue").click();
  await story.tab.lastAnswer.getByText("and the rest.").waitFor();
  await story.tab.answered();
  // Only the end goes on.
  expect(await story.tab.button("Continue").count()).toBe(0);
  await story.tab.lastAnswer.getByRole("button", { name: "Answer again", exact: true }).click();
  await story.tab.lastAnswer.getByText("Better.").waitFor();
  await story.tab.answered();
  await story.tab.page.locator("button.total").click();
  const hidden = story.tab.page.locator(".summary dl > div", { hasText: "1 hidden version" });
  expect(await hidden.locator("dd").innerText()).toBe(cost);
});

test("keys: Up edits, PageUp reads, j and k go from question to question, ? names them all", async () => {
  for (let turn = 0; turn < 3; turn++) {
    story.server.emulator.play({ text: `${turn}\n\n`.repeat(30), usage });
    await story.tab.say(`question ${turn}`);
    await story.tab.answered();
  }
  await story.tab.composer.press("ArrowUp");
  expect(await story.tab.page.getByRole("textbox", { name: "Edit" }).inputValue()).toBe("question 2");
  await story.tab.page.keyboard.press("Escape");
  expect(await focused()).toBe("composer");
  const top = () => story.tab.page.locator(".scroller").evaluate((area) => area.scrollTop);
  const end = await top();
  await story.tab.composer.press("PageUp");
  await story.tab.page.waitForFunction((before) => document.querySelector(".scroller")!.scrollTop < before, end);
  await story.tab.page.locator(".scroller").focus();
  await story.tab.page.keyboard.press("k");
  await story.tab.page.keyboard.press("k");
  await story.tab.page.keyboard.press("k");
  await story.tab.page.waitForFunction(() => {
    const area = document.querySelector(".scroller")!.getBoundingClientRect();
    const first = document.querySelector(".question")!.getBoundingClientRect();
    return first.top >= area.top && first.top < area.top + 60;
  });
  await story.tab.page.keyboard.press("?");
  await story.tab.page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
  await story.tab.page.keyboard.press("Escape");
  await story.tab.page.getByRole("dialog").waitFor({ state: "detached" });
});

test("Ctrl+K finds a conversation by its words and an action by its name", async () => {
  story.server.emulator.play({ text: "Вареники." });
  await story.tab.say("Полуниця");
  await story.tab.answered();
  const address = story.tab.page.url();
  await story.tab.page.keyboard.press("Control+Shift+O");
  await story.tab.page.getByText("What shall we talk about?").waitFor();
  await story.tab.page.keyboard.press("Control+k");
  await story.tab.page.keyboard.type("вареники");
  await story.tab.page.getByRole("option", { name: "Полуниця", selected: true }).waitFor();
  await story.tab.page.keyboard.press("Enter");
  await story.tab.lastAnswer.getByText("Вареники.").waitFor();
  expect(story.tab.page.url()).toBe(address);
  await story.tab.page.keyboard.press("Control+k");
  await story.tab.page.keyboard.type("dark");
  await story.tab.page.keyboard.press("Enter");
  await story.tab.page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  // A model too, by its name or its id: for the open conversation.
  await story.tab.page.keyboard.press("Control+k");
  await story.tab.page.keyboard.type("2.5-pro");
  const model = story.tab.page.getByRole("option", { name: "Gemini 2.5 Pro", selected: true });
  expect(await model.innerText()).toContain("Model · $1.25 / $10.00");
  await story.tab.page.keyboard.press("Enter");
  await story.tab.page.getByText("Model: Gemini 2.5 Pro").waitFor();
  const [, id] = /#\/s\/([\w-]+)/.exec(address)!;
  const { model: chosen } = (await (await fetch(`${story.server.url}/sessions/${id}`)).json()) as { model: string };
  expect(chosen).toBe("gemini-2.5-pro");
  await story.tab.page.keyboard.press("Control+b");
  await story.tab.page.locator(".sidebar").waitFor({ state: "hidden" });
});

test("the list is one stop for Tab; arrows lead through it and into search, F2 renames, Delete trashes", async () => {
  for (const words of ["alpha", "beta"]) {
    story.server.emulator.play({ text: "Yes." });
    await story.tab.page.goto(`${story.server.url}/#/`);
    await story.tab.say(words);
    await story.tab.answered();
  }
  expect(await story.tab.page.locator(".session-row > a[tabindex='0']").count()).toBe(1);
  expect(await story.tab.page.locator(".row-tools button:not([tabindex='-1'])").count()).toBe(0);
  await story.tab.page.getByLabel("Search conversations").focus();
  await story.tab.page.keyboard.press("ArrowDown");
  await story.tab.page.keyboard.press("ArrowDown");
  expect(await story.tab.page.evaluate(() => document.activeElement?.textContent)).toBe("alpha");
  await story.tab.page.keyboard.press("F2");
  await story.tab.page.keyboard.type("Gamma");
  await story.tab.page.keyboard.press("Enter");
  await story.tab.sessionLinks.filter({ hasText: "Gamma" }).waitFor();
  await story.tab.sessionLinks.filter({ hasText: "Gamma" }).focus();
  await story.tab.page.keyboard.press("Delete");
  await story.tab.sessionLinks.filter({ hasText: "Gamma" }).waitFor({ state: "detached" });
  await story.tab.button("Undo").click();
});

test("by finger: the trash is restored from the list, and nothing that must be hit is under 44 px", async () => {
  const phone = await newReader(story.browser, {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  const small = await newTab(phone);
  await small.open(story.server.url);
  story.server.emulator.play({ text: "Some `code`:\n\n```js\n1\n```", usage });
  await small.composer.fill("by finger");
  await small.button("Send").click();
  await small.answered();
  const tooSmall = () =>
    small.page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, select, summary, .session-row > a, .plain")]
        .filter(
          (control) =>
            control.checkVisibility({ visibilityProperty: true }) && !control.closest("[inert], .skip, .hidden"),
        )
        .filter((control) => control.className !== "skip" && !control.closest("option"))
        .map((control) => ({
          name: control.getAttribute("aria-label") ?? control.textContent,
          box: control.getBoundingClientRect(),
        }))
        .filter(({ box }) => box.height < 44 || box.width < 44)
        .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`),
    );
  expect(await tooSmall()).toEqual([]);
  await small.button("Settings").click();
  await small.page.locator(".inspector").waitFor();
  expect(await tooSmall()).toEqual([]);
  await small.button("Move to trash").click();
  await small.page.getByText("What shall we talk about?").waitFor();
  await small.button("Open the list of conversations").click();
  await small.page.getByRole("link", { name: "Trash" }).click();
  expect(await tooSmall()).toEqual([]);
  await small.page.locator(".session-row", { hasText: "by finger" }).getByRole("button", { name: "Restore" }).click();
  await small.page.getByText("Restored.").waitFor();
  expect(small.complaints).toEqual([]);
  await phone.close();
});

test("a part of a kind that this page does not know is shown as what it is, folded", async () => {
  story.server.emulator.play({ text: "With something new." });
  await story.tab.say("hello");
  await story.tab.answered();
  await story.tab.page.route("**/history*", async (route) => {
    const page = await (await fetch(route.request().url())).json();
    for (const message of page.data)
      if (message.role === "assistant") message.parts.push({ type: "hologram", depth: 3, text: "<b>x</b>" });
    await route.fulfill({ json: page });
  });
  await story.tab.page.reload();
  await story.tab.answered();
  const part = story.tab.lastAnswer.locator("details", { hasText: "hologram" });
  expect(await part.getAttribute("open")).toBeNull();
  await part.locator("summary").click();
  expect(await part.locator("pre").innerText()).toContain('"depth": 3');
  expect(await story.tab.textOf()).toContain("With something new.");
});

test("what is typed while the script of a dialog is on its way goes into the dialog, and to nothing that lies below", async () => {
  const { tab } = story;
  const { page } = tab;
  let release!: () => void;
  const held = new Promise<void>((done) => {
    release = done;
  });
  let asked = 0;
  await page.route(/\/assets\/.*\.js/, async (route) => {
    asked++;
    await held;
    await route.continue();
  });
  await tab.composer.focus();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("colours: dark");
  expect(await tab.composer.inputValue()).toBe("");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.locator("#composer:focus").waitFor();
  // Without a field of its own it lets no key through either.
  await page.getByRole("link", { name: "New conversation" }).focus();
  await page.keyboard.press("Shift+?");
  await page.keyboard.press("/");
  await page.locator("dialog :focus").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("colours: dark");
  expect(asked).toBeGreaterThan(0);
  release();
  await page.getByRole("option", { name: "Colours: Dark", selected: true }).waitFor();
  expect(await page.locator("dialog input").inputValue()).toBe("colours: dark");
  await page.keyboard.type("er");
  await page.getByText("Nothing found").waitFor();
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Backspace");
  await page.getByRole("option", { name: "Colours: Dark", selected: true }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
});

test.each([1280, 400])(
  "%i px: the key after / goes into the search, and the one after Ctrl+Shift+O into the field",
  async (width) => {
    const { tab } = story;
    const { page } = tab;
    await page.setViewportSize({ width, height: 800 });
    /** Where the next key would go that comes before the next frame. */
    const press = (code: string, more = {}) =>
      page.evaluate(
        async (init) => {
          (document.activeElement as HTMLElement).blur();
          document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
          for (let turn = 0; turn < 10; turn++) await null;
          return document.activeElement!.id;
        },
        { code, key: code === "Slash" ? "/" : "O", ...more },
      );
    const anew = { ctrlKey: true, shiftKey: true };
    expect(await press("Slash")).toBe("search");
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    expect(await focused()).toBe("search");
    expect(await press("KeyO", anew)).toBe("composer");
    await page.evaluate(() => location.assign("#/usage"));
    await page.getByRole("heading", { name: "Usage" }).waitFor();
    expect(await press("KeyO", anew)).toBe("composer");
    // A list that is folded away comes for it.
    if (width > 800) await page.keyboard.press("Control+b");
    expect(await press("Slash")).toBe("search");
    // What is written belongs to what is open, and the words of the one before to that.
    story.server.emulator.play({ text: "Yes.", usage });
    await page.keyboard.press("Escape");
    await press("KeyO", anew);
    await tab.say("one");
    await tab.answered();
    await tab.composer.fill("kept here");
    const left = await page.evaluate(async () => {
      const init = { code: "KeyO", ctrlKey: true, shiftKey: true, bubbles: true, cancelable: true };
      document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", init));
      for (let turn = 0; turn < 10; turn++) await null;
      document.execCommand("insertText", false, "x");
      return document.querySelector<HTMLTextAreaElement>("#composer")!.value;
    });
    expect(left).toBe("x");
  },
);

test("under a finger the chip of a cost is as large as the others, whatever it says, and looks as before when the finger has gone", async () => {
  const reader = await newReader(story.browser, {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
  });
  const tab = await newTab(reader);
  await tab.open(story.server.url);
  story.server.emulator.play({ text: "Yes.", usage });
  await tab.composer.fill("hello");
  await tab.page.locator(".send").click();
  await tab.answered();
  const look = () =>
    tab.lastCost.evaluate((chip) => {
      const { borderTopWidth, borderTopColor } = getComputedStyle(chip);
      return { height: chip.getBoundingClientRect().height, borderTopWidth, borderTopColor };
    });
  const before = await look();
  expect(before.height).toBeGreaterThanOrEqual(44);
  await tab.lastCost.hover();
  expect(await look()).toEqual(before);
  await tab.lastCost.evaluate((chip) => (chip.dataset.accuracy = "estimated"));
  expect(await look()).toEqual(before);
  await reader.close();
});
