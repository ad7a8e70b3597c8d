// The rooms of those who run the server: what they can do there is done, by the API, and what it refuses is said.

import { expect, test } from "bun:test";
import { exactCost, tellBrowserStory, turnOf, usage } from "./browser-story.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

const goTo = (room: string) => story.tab.page.goto(`${story.server.url}/#/${room}`);

test("a key is made and shown once, changed, limited, given a new secret, blocked and deleted", async () => {
  const { tab, server } = story;
  const dialog = tab.page.getByRole("dialog");
  await goTo("keys");
  await tab.page.getByText("There are no keys yet.").waitFor();
  await tab.page.waitForFunction(() => document.title === "Keys · Rozmova");
  await tab.button("New key").click();
  await dialog.getByLabel("Name").fill("the shop");
  await dialog.getByLabel("Requests a minute").first().fill("5");
  await dialog.getByLabel("USD a month").fill("20");
  await tab.button("Make the key").click();
  const secret = await tab.page.locator(".secret code").innerText();
  expect(secret).toMatch(/^rz-\w{43}$/);
  const own = async (key: string) => {
    const answer = await fetch(`${server.url}/keys/me`, { headers: { authorization: `Bearer ${key}` } });
    return { status: answer.status, key: (await answer.json()) as Record<string, unknown> };
  };
  expect((await own(secret)).status).toBe(200);
  // What is shown once does not go away by a click beside it, and the focus goes back to where it came from.
  await tab.page.mouse.click(5, 5);
  await tab.button("I have it").click();
  await dialog.waitFor({ state: "detached" });
  expect(await tab.page.evaluate(() => document.activeElement?.textContent)).toBe("New key");
  const row = tab.page.getByRole("row", { name: /the shop/ });
  expect(await row.innerText()).toContain("Requests a minute: 5");
  expect(await row.innerText()).toContain("a month: $20.00");
  await tab.page.reload();
  await row.waitFor();
  expect(await tab.page.content()).not.toContain(secret);

  await row.getByRole("button", { name: "Change" }).click();
  expect(await dialog.getByLabel("Name").inputValue()).toBe("the shop");
  await dialog.getByLabel("Name").fill("the other shop");
  await dialog.getByRole("checkbox", { name: "keys, budgets" }).check();
  await dialog.getByLabel("Requests a minute").first().fill("");
  await dialog.getByLabel("Answers at once").last().fill("2");
  await dialog.getByLabel("USD a month").fill("2,5");
  await dialog.getByLabel("Good until").fill("2099-12-31");
  await dialog.getByText("31 Dec 2099 · Left empty").waitFor();
  await dialog.getByRole("checkbox", { name: "gemini-2.5-pro" }).check();
  await tab.button("Save").click();
  await dialog.waitFor({ state: "detached" });
  const changed = {
    ...{ name: "the other shop", scopes: ["chat", "read", "admin"], models: ["gemini-2.5-pro"] },
    ...{ rate: { per_user: { concurrent_turns: 2 } }, limits: [{ window: "month", usd: "2.5" }] },
    expires_at: expect.stringMatching(/^2099-12-31T|^2100-01-01T/),
  };
  expect((await own(secret)).key).toMatchObject(changed);
  // To the end of that day, where the reader is.
  const endOfDay = await tab.page.evaluate(() => new Date(2099, 11, 31, 23, 59, 59).toISOString());
  expect((await own(secret)).key.expires_at).toBe(endOfDay);
  // What is not touched stays, to the millisecond and whatever the form does not show.
  const { expires_at } = (await own(secret)).key;
  const other = tab.page.getByRole("row", { name: /the other shop/ });
  await other.getByRole("button", { name: "Change" }).click();
  await dialog.getByLabel("USD a month").fill("");
  await tab.button("Save").click();
  await dialog.waitFor({ state: "detached" });
  expect((await own(secret)).key).toMatchObject({ ...changed, expires_at, limits: [] });

  // Another has set a limit since the form was opened: it is not written over.
  await other.getByRole("button", { name: "Change" }).click();
  const limits = [{ window: "month", usd: "7" }];
  await fetch(`${server.url}/budgets/key:${(await own(secret)).key.id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ limits }),
  });
  await dialog.getByLabel("USD a month").fill("9");
  story.expected = /412/;
  await tab.button("Save").click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect((await own(secret)).key).toMatchObject({ limits });

  await other.getByRole("button", { name: "New secret" }).click();
  const second = await tab.page.locator(".secret code").innerText();
  await tab.button("I have it").click();
  expect([(await own(secret)).status, (await own(second)).status]).toEqual([200, 200]);
  await other.getByRole("button", { name: "Block" }).click();
  await other.getByText("blocked").waitFor();
  // No valid key: where none is needed it is not known, and is nobody's.
  expect((await own(second)).status).not.toBe(200);
  await other.getByRole("button", { name: "Allow again" }).click();
  await other.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await other.waitFor({ state: "detached" });
  expect((await own(second)).status).not.toBe(200);

  await tab.page.getByRole("link", { name: "Audit" }).click();
  await tab.page.getByRole("rowheader", { name: "Key made key.created" }).waitFor();
});

test("what the server refuses of a form is said at its field, and nothing that was typed is lost", async () => {
  const { tab } = story;
  const dialog = tab.page.getByRole("dialog");
  await goTo("keys");
  await tab.button("New key").click();
  await dialog.getByLabel("Name").fill("x");
  await dialog.getByLabel("For one user only").fill("x\u200b".repeat(60));
  await dialog.getByLabel("Good until").fill("2099-12-31");
  await tab.page.route("**/keys", (route) =>
    route.fulfill({
      status: 422,
      contentType: "application/problem+json",
      body: JSON.stringify({
        ...{ code: "invalid_request", detail: "No.", status: 422 },
        errors: [{ pointer: "/rate/per_user/tokens_per_minute", detail: "must be less" }],
      }),
    }),
  );
  story.expected = /422/;
  await tab.button("Make the key").click();
  const field = dialog.getByLabel("Tokens a minute").last();
  await dialog.getByText("must be less").waitFor();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  expect(await dialog.locator("[aria-invalid]").count()).toBe(1);
  await tab.page.mouse.click(5, 5);
  expect(await dialog.getByLabel("Good until").inputValue()).toBe("2099-12-31");
  await tab.page.unrouteAll();
});

interface BudgetBody {
  data: {
    scope: string;
    window: string;
    limit: string;
    soft: number | null;
    models: string[] | null;
    increases: object[];
  }[];
}

test("a limit is set, changed, raised for a time, taken away and put back; the others of its scope stay as they were", async () => {
  const { tab, server } = story;
  const dialog = tab.page.getByRole("dialog");
  const look = async () => {
    const { data } = (await (await fetch(`${server.url}/budgets`)).json()) as BudgetBody;
    return data.map(({ window, limit, soft, models, increases }) => [window, limit, soft, models, increases.length]);
  };
  await goTo("budgets");
  await tab.page.getByText("No limits are set").waitFor();
  await tab.button("Set a limit").click();
  await dialog.getByLabel("At most, USD").fill("2,50");
  await tab.button("Set it").click();
  const card = tab.page.getByRole("region", { name: "The project" });
  await card.getByText("$2.50 left of $2.50").waitFor();
  await tab.button("Set a limit").click();
  await dialog.getByLabel("In", { exact: true }).selectOption("day");
  await dialog.getByLabel("At most, USD").fill("1");
  await dialog.getByLabel("Notice from").fill("");
  await dialog.getByRole("checkbox", { name: "gemini-2.5-pro" }).check();
  await tab.button("Set it").click();
  await card.getByRole("heading", { name: /a day/ }).waitFor();
  expect(await look()).toEqual([
    ["month", "2.5", null, null, 0],
    ["day", "1", null, ["gemini-2.5-pro"], 0],
  ]);
  await card.getByRole("button", { name: "Raise for a time" }).click();
  await dialog.getByLabel("By, USD").fill("0.5");
  await dialog.getByLabel("Until").fill("2099-01-02T03:04");
  // The field is written in the browser's language; beside it the page's.
  await dialog.getByText("2 Jan 2099, 03:04").waitFor();
  await tab.button("Raise").click();
  await card
    .getByText(/\$0\.50 of it until 2 Jan 2099, 03:04/)
    .first()
    .waitFor();
  // The limit itself is what is changed, not what was added to it.
  await card.getByRole("button", { name: "Change: a month" }).click();
  expect(await dialog.getByLabel("At most, USD").inputValue()).toBe("2.5");
  await dialog.getByLabel("Notice from").fill("75");
  await tab.button("Set it").click();
  await card.getByText("a notice at 75%").first().waitFor();
  expect(await look()).toEqual([
    ["month", "3", 0.75, null, 1],
    ["day", "1.5", 0.75, ["gemini-2.5-pro"], 1],
  ]);
  await card.getByRole("button", { name: "Delete: a month" }).click();
  await card.getByRole("heading", { name: "a month" }).waitFor({ state: "detached" });
  expect(await look()).toEqual([["day", "1.5", 0.75, ["gemini-2.5-pro"], 1]]);
  await tab.button("Undo").click();
  await card.getByRole("heading", { name: "a month" }).waitFor();
  // With what was added to it.
  expect(await look()).toEqual([
    ["day", "1.5", 0.75, ["gemini-2.5-pro"], 1],
    ["month", "3", 0.75, null, 1],
  ]);
  for (const name of ["Delete: a month", /Delete: a day/]) await card.getByRole("button", { name }).click();
  await card.waitFor({ state: "detached" });
  await tab.page.getByText("No limits are set").waitFor();
});

test("of two who change the same limit the second is told, and sees what is there now; other limits are no conflict", async () => {
  const { tab, server } = story;
  const dialog = tab.page.getByRole("dialog");
  const put = (...limits: object[]) =>
    fetch(`${server.url}/budgets/user:ivan`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ limits }),
    });
  await put({ window: "day", usd: "1" });
  await goTo("budgets");
  const card = tab.page.getByRole("region", { name: "User: ivan" });
  await card.getByRole("button", { name: "Change: a day" }).click();
  await dialog.getByLabel("At most, USD").fill("5");
  await put({ window: "day", usd: "2" });
  await tab.button("Set it").click();
  await dialog.getByText("It was changed somewhere else in the meantime.").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await card.getByText("$2.00 left of $2.00").waitFor();
  // Between the look at what there is and the change of it: looked at again.
  await put({ window: "day", usd: "2" }, { window: "week", usd: "9" });
  let asked = 0;
  await tab.page.route("**/budgets/user%3Aivan", async (route) => {
    if (asked++ === 0) await put({ window: "day", usd: "2" }, { window: "week", usd: "10" });
    await route.continue();
  });
  story.expected = /412/;
  await card.getByRole("button", { name: "Change: a day" }).click();
  await dialog.getByLabel("At most, USD").fill("5");
  await tab.button("Set it").click();
  await card.getByText("$5.00 left of $5.00").waitFor();
  await card.getByText("$10.00 left of $10.00").waitFor();
  expect(asked).toBe(2);
  await tab.page.unrouteAll();
  await fetch(`${server.url}/budgets/user:ivan`, { method: "DELETE" });
});

test("what was billed beyond what was held is said; keys and projects are named however many there are", async () => {
  const { tab, server } = story;
  const post = async (path: string, body: object) =>
    (await (
      await fetch(server.url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    ).json()) as { id: string };
  const { id } = await post("/keys", { name: "the oldest", scopes: ["read"], limits: [{ window: "day", usd: "1" }] });
  await Promise.all(Array.from({ length: 105 }, (_, n) => post("/keys", { name: `key ${n}`, scopes: ["read"] })));
  const newest = await post("/keys", { name: "the newest", scopes: ["read"], limits: [{ window: "day", usd: "1" }] });
  await Promise.all(Array.from({ length: 105 }, (_, n) => post("/projects", { id: `p${n}` })));
  await post("/projects", { id: "zzz", name: "The very last" });
  await tab.page.route("**/budgets?*", async (route) => {
    const answer = await route.fetch();
    const list = (await answer.json()) as { data: object[] };
    await route.fulfill({
      response: answer,
      json: { ...list, data: list.data.map((one) => ({ ...one, beyond: "0.003" })) },
    });
  });
  await goTo("budgets");
  const card = tab.page.getByRole("region", { name: "Key: the oldest" });
  await card.getByText("$0.003 of it beyond what was held").waitFor();
  await tab.page.getByRole("region", { name: "Key: the newest" }).waitFor();
  await tab.page.getByRole("option", { name: "The very last" }).waitFor({ state: "attached" });
  await tab.page.unrouteAll();
  for (const key of [id, newest.id]) await fetch(`${server.url}/keys/${key}`, { method: "DELETE" });
});

test("what is spent and held is a bar and words, and its window ends in the reader's own time", async () => {
  const { server, browser } = story;
  const reader = await newReader(browser, { timezoneId: "Asia/Tokyo" });
  const tab = await newTab(reader);
  await fetch(`${server.url}/budgets/user:olena`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ limits: [{ window: "month", usd: "0.1" }], soft: 0.5 }),
  });
  const post = async (path: string, body: object) =>
    await fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const { id } = (await (await post("/sessions", { user: "olena" })).json()) as { id: string };
  server.emulator.play({ text: "Yes.", usage });
  await (await post(`/sessions/${id}/messages`, { content: "x" })).text();
  server.emulator.play({ text: "one two three", chunks: 3, delayMs: 60_000 });
  const running = await post(`/sessions/${id}/messages`, { content: "y", stream: true });
  await tab.page.goto(`${server.url}/#/budgets`);
  const card = tab.page.getByRole("region", { name: "User: olena" });
  await card.getByText(`${exactCost} spent`).waitFor();
  await card.getByText(/\$0\.0\d+ held for what runs now/).waitFor();
  expect(await card.innerText()).toMatch(/anew on 1 \w+ \d+, 09:00/);
  const [spent, held] = await card
    .locator(".budget-bar i")
    .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().width));
  expect(spent).toBeGreaterThan(1);
  expect(held).toBeGreaterThan(spent!);
  await fetch(`${server.url}/budgets/session:${id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ limits: [{ window: "total", usd: "1" }] }),
  });
  await tab.page.reload();
  const ofSession = tab.page.getByRole("heading", { name: "Conversation: x" }).getByRole("link");
  expect(await ofSession.getAttribute("href")).toBe(`#/s/${id}`);
  await fetch(`${server.url}/budgets/session:${id}`, { method: "DELETE" });
  expect(await card.locator('.budget-bar[data-over="false"]').count()).toBe(1);
  await fetch(`${server.url}/turns/${await turnOf(running)}/stop`, { method: "POST" });
  const budgetsOf = async () =>
    (await (await fetch(`${server.url}/budgets`)).json()) as { data: { settled: string; held: string }[] };
  let all = await budgetsOf();
  while (Number(all.data[0]!.held) > 0) all = await budgetsOf();
  // Full to the last digit is full.
  await fetch(`${server.url}/budgets/user:olena`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ limits: [{ window: "month", usd: all.data[0]!.settled }] }),
  });
  await tab.page.reload();
  await card.locator('.budget-bar[data-over="true"]').waitFor({ state: "attached" });
  await fetch(`${server.url}/budgets/user:olena`, { method: "DELETE" });
  await reader.close();
});

test("projects are made, renamed, closed and opened; a key is made in one, and a token for a user", async () => {
  const { tab, server } = story;
  const dialog = tab.page.getByRole("dialog");
  await goTo("projects");
  await tab.page.getByRole("row", { name: /default/ }).waitFor();
  await tab.button("New project").click();
  await dialog.getByLabel("Id").fill("shop");
  await tab.button("Make the project").click();
  const row = tab.page.getByRole("row", { name: /shop/ });
  await row.getByRole("button", { name: "Rename" }).click();
  await dialog.getByLabel("Name").fill("The shop");
  await tab.button("Save").click();
  await row.getByText("The shop").waitFor();
  await row.getByRole("button", { name: "Close" }).click();
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
  await row.getByText("closed").waitFor();
  await row.getByRole("button", { name: "Open again" }).click();
  await row.getByText("closed").waitFor({ state: "detached" });

  await tab.page.getByRole("link", { name: "Keys" }).click();
  await tab.button("New key").click();
  await dialog.getByLabel("Name").fill("of the shop");
  await dialog.getByLabel("Project", { exact: true }).selectOption("shop");
  await tab.button("Make the key").click();
  await tab.button("I have it").click();
  await tab.page.getByRole("row", { name: /of the shop rz-\S+ · shop/ }).waitFor();

  // A limit is set for keys of the project that is looked at.
  const offered = async () => {
    await tab.button("Set a limit").click();
    await dialog.getByRole("combobox").first().selectOption("key");
    const names = await dialog.locator("select").nth(1).locator("option").allInnerTexts();
    await tab.page.keyboard.press("Escape");
    return names;
  };
  await tab.page.getByRole("link", { name: "Budgets" }).click();
  await tab.page.getByText("No limits are set").waitFor();
  expect(await offered()).not.toContain("of the shop");
  await tab.page.getByRole("combobox", { name: "Project" }).selectOption("shop");
  expect(await offered()).toEqual(["of the shop"]);

  await tab.page.getByRole("link", { name: "Keys" }).click();
  await tab.page.getByText("Tokens for browsers and apps").click();
  await tab.page.getByText("curl ").waitFor();
  await tab.button("A token to try").click();
  await dialog.getByLabel("User").fill("olena");
  await dialog.getByRole("checkbox", { name: "send and change" }).uncheck();
  await tab.button("Make the token").click();
  const token = await tab.page.locator(".secret code").innerText();
  const me = await fetch(`${server.url}/me`, { headers: { authorization: `Bearer ${token}` } });
  expect(await me.json()).toMatchObject({ by: "token", user: "olena", scopes: ["read"] });
});
