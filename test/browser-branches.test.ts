// Versions in the page: nothing disappears, every version can be reached, and the sums add up.

import { expect, test } from "bun:test";
import { loadPage } from "../web/build.ts";
import { cost, tellBrowserStory, usage } from "./browser-story.ts";
import { startHttp } from "./http-assembly.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

const asked = () => story.tab.questions.locator(".bubble").allInnerTexts();
const answered = async () => {
  const all: string[] = [];
  for (const answer of await story.tab.answers.all()) all.push(await story.tab.textOf(answer));
  return all;
};
async function converse(...turns: [question: string, answer: string][]): Promise<void> {
  for (const [question, text] of turns) {
    story.server.emulator.play({ text, usage });
    await story.tab.say(question);
    await story.tab.lastAnswer.getByText(text).waitFor();
    await story.tab.answered();
  }
}
const place = (message = story.tab.lastAnswer) => message.locator(".versions > span").innerText();

test("an old question that is edited becomes a version of it; both ways are kept, and Undo goes back", async () => {
  await converse(["one", "First."], ["two", "Second."], ["three", "Third."]);
  story.server.emulator.play({ text: "Other.", usage });
  await story.tab.questions.nth(1).hover();
  await story.tab.questions.nth(1).getByRole("button", { name: "Edit" }).click();
  const editor = story.tab.page.getByRole("textbox", { name: "Edit" });
  await story.tab.page.getByText("What follows stays in the earlier version.").waitFor();
  await editor.fill("two, otherwise");
  await editor.press("Enter");
  await story.tab.lastAnswer.getByText("Other.").waitFor();
  await story.tab.answered();
  expect(await asked()).toEqual(["one", "two, otherwise"]);
  const question = story.tab.questions.nth(1);
  await question.locator(".versions").waitFor();
  expect(await place(question)).toBe("2/2");
  await question.getByRole("button", { name: "Previous version" }).click();
  await story.tab.lastAnswer.getByText("Third.").waitFor();
  expect(await asked()).toEqual(["one", "two", "three"]);
  expect(await story.tab.page.evaluate(() => document.activeElement?.className)).toContain("next");
  await story.tab.page.reload();
  await story.tab.lastAnswer.getByText("Third.").waitFor();
  await story.tab.questions.nth(1).getByRole("button", { name: "Next version" }).click();
  await story.tab.lastAnswer.getByText("Other.").waitFor();

  story.server.emulator.play({ text: "Anew.", usage });
  await story.tab.answers.first().hover();
  await story.tab.answers.first().getByRole("button", { name: "Answer again", exact: true }).click();
  await story.tab.lastAnswer.getByText("Anew.").waitFor();
  await story.tab.answered();
  expect(await answered()).toEqual(["Anew."]);
  await story.tab.page.locator(".toast").getByRole("button", { name: "Undo" }).click();
  await story.tab.lastAnswer.getByText("Other.").waitFor();
  expect(await answered()).toEqual(["First.", "Other."]);
});

test("Undo while the new version is still being written stops it and goes back", async () => {
  await converse(["one", "First."]);
  story.server.emulator.play({ text: "word ".repeat(60), chunks: 40, delayMs: 60, usage });
  await story.tab.lastAnswer.getByRole("button", { name: "Answer again", exact: true }).click();
  await story.tab.lastAnswer.getByText("word word").waitFor();
  await story.tab.page.locator(".toast").getByRole("button", { name: "Undo" }).click();
  await story.tab.lastAnswer.getByText("First.").waitFor();
  expect(await place()).toBe("1/2");
  await story.tab.lastAnswer.getByRole("button", { name: "Next version" }).click();
  await story.tab.page.getByText("You stopped this answer.").waitFor();
});

test("a model that is retired by now is not offered for another answer", async () => {
  const server = await startHttp({ page: loadPage, now: () => Date.parse("2027-01-15T12:00:00Z") });
  const reader = await newReader(story.browser);
  const tab = await newTab(reader);
  await tab.open(server.url);
  server.emulator.play({ text: "Yes.", usage });
  await tab.say("hello");
  await tab.answered();
  const { data } = (await (await fetch(`${server.url}/models`)).json()) as {
    data: { display_name: string; retired: boolean }[];
  };
  const namesOf = (retired: boolean) =>
    data.filter((model) => model.retired === retired).map((one) => one.display_name);
  expect(namesOf(true)).not.toEqual([]);
  await tab.lastAnswer.locator(".again summary").click();
  const offered = await tab.lastAnswer.locator(".again li b").allInnerTexts();
  expect(offered.toSorted()).toEqual(namesOf(false).toSorted());
  await reader.close();
  await server.stop();
});

test("another model can answer, with its price beside it, for this once; the hidden versions are in the sum", async () => {
  await converse(["one", "First."]);
  story.server.emulator.play({ text: "From the other.", usage });
  const menu = story.tab.lastAnswer.locator(".again");
  await menu.locator("summary").click();
  const choice = menu.getByRole("button", { name: /Flash-Lite/ }).first();
  expect(await choice.innerText()).toMatch(/\$\d+\.\d\d in \/ \$\d+\.\d\d out/);
  const name = (await choice.locator("b").innerText()).trim();
  await choice.click();
  await story.tab.lastAnswer.getByText("From the other.").waitFor();
  await story.tab.answered();
  const served = story.server.emulator.generateCalls().map(({ model }) => model);
  expect(served[0]).not.toBe(served[1]!);
  expect(await place()).toBe("2/2");
  expect(name).not.toBe("");
  await converse(["two", "Second."]);
  expect(story.server.emulator.generateCalls().at(-1)!.model).toBe(served[0]!);
  await story.tab.page.locator("button.total").click();
  const hidden = story.tab.page.locator(".hidden-versions");
  expect(await hidden.innerText()).toContain("1 hidden version");
  expect(await hidden.locator("dd").innerText()).toBe(cost);
});

test("a version is deleted with all that followed it, and comes back by Undo; what was said once has nothing to delete", async () => {
  await converse(["one", "First."], ["two", "Second."]);
  await story.tab.answers.first().hover();
  expect(await story.tab.page.locator(".versions").count()).toBe(0);
  story.server.emulator.play({ text: "Anew.", usage });
  await story.tab.answers.first().getByRole("button", { name: "Answer again", exact: true }).click();
  await story.tab.lastAnswer.getByText("Anew.").waitFor();
  await story.tab.answered();
  await story.tab.lastAnswer.getByRole("button", { name: "Previous version" }).click();
  await story.tab.lastAnswer.getByText("Second.").waitFor();
  const toasts = story.tab.page.locator(".toast");
  while ((await toasts.count()) > 0) await toasts.first().getByRole("button", { name: "Dismiss" }).click();
  await story.tab.answers.first().getByRole("button", { name: "Delete this version" }).click();
  await story.tab.lastAnswer.getByText("Anew.").waitFor();
  expect(await answered()).toEqual(["Anew."]);
  expect(await story.tab.page.locator(".versions").count()).toBe(0);
  expect(await story.tab.page.evaluate(() => document.activeElement?.id)).toBe("composer");
  await story.tab.page.locator("button.total").click();
  expect(await story.tab.page.locator(".hidden-versions").innerText()).toContain("2 hidden versions");
  await story.tab.page.reload();
  await story.tab.lastAnswer.getByText("Anew.").waitFor();
  expect(await answered()).toEqual(["Anew."]);

  await story.tab.say("three");
  await story.tab.answered();
  story.server.emulator.play({ text: "Third.", usage });
  await story.tab.lastAnswer.getByRole("button", { name: "Answer again", exact: true }).click();
  await story.tab.lastAnswer.getByText("Third.").waitFor();
  await story.tab.answered();
  await story.tab.lastAnswer.getByRole("button", { name: "Delete this version" }).click();
  await story.tab.page.locator(".toast").getByText("The version was deleted.").waitFor();
  await story.tab.page.locator(".versions").waitFor({ state: "detached" });
  await toasts.getByRole("button", { name: "Undo" }).last().click();
  await story.tab.lastAnswer.getByText("Third.").waitFor();
  expect(await place()).toBe("2/2");
});

test("a version that stands far above what is loaded is gone to and shown", async () => {
  const headers = { "content-type": "application/json" };
  const { url } = story.server;
  const { id } = await (await fetch(`${url}/sessions`, { method: "POST" })).json();
  const send = async (body: object) =>
    (await fetch(`${url}/sessions/${id}/messages`, { method: "POST", headers, body: JSON.stringify(body) })).json();
  await send({ content: "root" });
  for (let turn = 0; turn < 30; turn++) await send({ content: `q${turn}` });
  await send({ content: "another root", parent_id: null });
  await story.tab.open(`${url}/#/s/${id}`);
  await story.tab.questions.getByText("another root").waitFor();
  await story.tab.questions.first().getByRole("button", { name: "Previous version" }).click();
  await story.tab.questions.getByText("root", { exact: true }).waitFor();
  await story.tab.page.waitForFunction(() => {
    const question = document.querySelector(".question")?.getBoundingClientRect();
    return question && question.top >= 0 && question.bottom <= innerHeight;
  });
});

test("on a desktop a question's tools are beside its bubble; notes stand in the header's line, the newest way back for those before it", async () => {
  const { page } = story.tab;
  await converse(["one", "First."]);
  await story.tab.questions.first().hover();
  const bubble = (await page.locator(".question .bubble").boundingBox())!;
  const tools = (await page.locator(".question .message-tools").boundingBox())!;
  expect(bubble.x - (tools.x + tools.width)).toBeLessThan(12);
  expect(tools.y + tools.height).toBeLessThanOrEqual(bubble.y + bubble.height + 1);
  for (const text of ["Second.", "Third."]) {
    story.server.emulator.play({ text, usage });
    await story.tab.lastAnswer.getByRole("button", { name: "Answer again", exact: true }).click();
    await story.tab.lastAnswer.getByText(text).waitFor();
    await story.tab.answered();
  }
  const notes = page.locator(".toast");
  expect(await notes.count()).toBe(1);
  const middle = ({ x, width }: { x: number; width: number }) => x + width / 2;
  const field = (await page.locator(".composer").boundingBox())!;
  expect(Math.abs(middle((await notes.boundingBox())!) - middle(field))).toBeLessThan(10);
  await story.tab.lastAnswer.getByRole("button", { name: "Delete this version" }).click();
  await page.getByText("2/2").waitFor();
  expect(await notes.count()).toBe(1);
  await notes.getByRole("button", { name: "Undo" }).click();
  await story.tab.lastAnswer.getByText("Third.").waitFor();
  // From the middle the one before it takes its place.
  await story.tab.lastAnswer.getByRole("button", { name: "Previous version" }).click();
  await story.tab.lastAnswer.getByText("Second.").waitFor();
  await story.tab.lastAnswer.getByRole("button", { name: "Delete this version" }).click();
  await story.tab.lastAnswer.getByText("First.").waitFor();
  expect([await place(), new URL(page.url()).hash.split("/").length]).toEqual(["1/2", 3]);
  await page.getByRole("banner").getByRole("button", { name: "Move to trash" }).click();
  await page.getByText("What shall we talk about?").waitFor();
  const note = (await notes.boundingBox())!;
  expect(note.y + note.height).toBeLessThanOrEqual((await page.locator(".scroller").boundingBox())!.y);
});
