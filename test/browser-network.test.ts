// The page over a network and a server that go away and come back: one calm line, everything sent once, nothing taken from the screen.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tellBrowserStory, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";
import { startServer } from "./server.ts";

const story = tellBrowserStory();
const gone = "The server is not answering. Your text is kept.";

test("a server that went away is named once and calmly; what was written meanwhile is sent when it is back, once", async () => {
  const placeholder = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const PORT = String(placeholder.port);
  await placeholder.stop(true);
  const folder = mkdtempSync(join(tmpdir(), "rozmova-test-"));
  const databaseUrl = `sqlite:${join(folder, "own.db")}`;
  const options = { settings: { PORT }, emulator: story.server.emulator, databaseUrl };
  let server = await startServer(options);
  const tab = await newTab(story.reader);
  await tab.open(server.url);
  story.server.emulator.play({ text: "Before.", usage });
  await tab.say("before");
  await tab.answered();
  await server.stop();

  await tab.say("while it is away");
  await tab.page.getByText(gone).waitFor();
  await tab.page.getByText("It will be sent as soon as the server answers.").waitFor();
  expect(await tab.page.getByRole("alert").count()).toBe(0);
  story.server.emulator.play({ text: "I am back.", usage });
  server = await startServer(options);
  await tab.lastAnswer.getByText("I am back.").waitFor();
  await tab.answered();
  await tab.page.getByText(gone).waitFor({ state: "detached" });
  expect(await tab.questions.locator(".bubble").allInnerTexts()).toEqual(["before", "while it is away"]);
  expect(story.server.emulator.callCount).toBe(2);
  await tab.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a first message written without a network goes out when there is one, and begins one conversation", async () => {
  story.expected = /ERR_INTERNET_DISCONNECTED/;
  const before = await story.tab.sessionLinks.count();
  await story.reader.setOffline(true);
  await story.tab.say("from the train");
  await story.tab.page.getByText(gone).waitFor();
  story.server.emulator.play({ text: "Arrived." });
  await story.reader.setOffline(false);
  await story.tab.lastAnswer.getByText("Arrived.").waitFor();
  await story.tab.answered();
  expect(await story.tab.sessionLinks.count()).toBe(before + 1);
  expect(story.server.emulator.callCount).toBe(1);
});

test("a message that could not be sent yet can be taken back", async () => {
  story.expected = /ERR_INTERNET_DISCONNECTED/;
  await story.reader.setOffline(true);
  await story.tab.say("not like this");
  await story.tab.page.getByText(gone).waitFor();
  await story.tab.button("Stop the answer").click();
  await story.tab.page.waitForFunction(
    () => document.querySelector<HTMLTextAreaElement>("#composer")!.value === "not like this",
  );
  expect(await story.tab.questions.count()).toBe(0);
  await story.reader.setOffline(false);
  await story.tab.page.getByText(gone).waitFor({ state: "detached" });
  expect(story.server.emulator.callCount).toBe(0);
});

test("words that were read stay on the screen, also when the server lost them; and are marked", async () => {
  story.server.emulator.play({ text: "One two three four five six.", chunks: 6, delayMs: 30, usage });
  await story.tab.page.route("**/messages", async (route) => {
    const request = route.request();
    const answer = await fetch(request.url(), { method: "POST", headers: request.headers(), body: request.postData() });
    // The server remembers less than it said, as after a crash.
    const told = (await answer.text()).replace(/(event: turn-end\ndata: )(.*)/, (_, head: string, data: string) => {
      const event = JSON.parse(data);
      event.reply = { ...event.reply, content: "One two", status: "interrupted" };
      event.turn = { ...event.turn, status: "interrupted" };
      return head + JSON.stringify(event);
    });
    await route.fulfill({ contentType: "text/event-stream", body: told });
  });
  await story.tab.say("count");
  await story.tab.answered();
  expect(await story.tab.textOf()).toBe("One two three four five six.");
  await story.tab.lastAnswer.getByText("The last 21 characters you see were not saved by the server.").waitFor();
});

test("behind a proxy that serves it under a path, the page works: it asks for nothing outside of that path", async () => {
  const prefix = "/tools/chat";
  const outside: string[] = [];
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith(`${prefix}/`)) {
        outside.push(pathname);
        return new Response("nothing here", { status: 404 });
      }
      const address = `${story.server.url}${pathname.slice(prefix.length)}${search}`;
      const headers = new Headers(request.headers);
      for (const name of ["host", "origin", "sec-fetch-site"]) headers.delete(name);
      const answer = await fetch(address, {
        method: request.method,
        headers,
        body: request.body,
        decompress: false,
      } as RequestInit);
      return new Response(answer.body, answer);
    },
  });
  const tab = await newTab(story.reader);
  await tab.open(`http://127.0.0.1:${proxy.port}${prefix}/`);
  story.server.emulator.play({ text: "Under a path: $E = mc^2$\n\n```js\n1 // one\n```", usage });
  await tab.say("where are you?");
  await tab.answered();
  await tab.page.locator(".katex").waitFor();
  await tab.page.locator(".hljs-comment").waitFor();
  await tab.lastCost.click();
  await tab.page.locator(".receipt").waitFor();
  await tab.page.getByRole("link", { name: "API documentation" }).click();
  await tab.page.locator(".swagger-ui .info").first().waitFor({ timeout: 40_000 });
  expect(outside.filter((path) => path !== "/favicon.ico")).toEqual([]);
  await tab.close();
  await proxy.stop(true);
});

test("without the server the page still opens, with the last conversations; what is kept is not taken for a sign of life", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-test-"));
  const server = await startServer({
    emulator: story.server.emulator,
    databaseUrl: `sqlite:${join(folder, "own.db")}`,
  });
  const reader = await newReader(story.browser, { serviceWorkers: "allow" });
  const tab = await newTab(reader);
  await tab.open(server.url);
  await tab.page.evaluate(() => navigator.serviceWorker.ready);
  story.server.emulator.play({ text: "To be kept.", usage }, { text: "Not opened again.", usage });
  await tab.say("remember this");
  await tab.answered();
  await tab.page.reload();
  await tab.lastAnswer.getByText("To be kept.").waitFor();
  await server.stop();

  await tab.page.reload();
  await tab.lastAnswer.getByText("To be kept.").waitFor();
  await tab.sessionLinks.filter({ hasText: "remember this" }).waitFor();
  await tab.page.getByText(gone).waitFor();
  await tab.say("written without a server");
  await tab.page.getByText("It will be sent as soon as the server answers.").waitFor();
  await reader.close();
  rmSync(folder, { recursive: true, force: true });
});
