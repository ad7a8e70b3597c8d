// The page where a key is needed: it asks for one, says when it is refused, and keeps it no longer than the tab.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { loadPage } from "../web/build.ts";
import { makeKey } from "./callers.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { launchBrowser, newReader, newTab } from "./page.ts";

setDefaultTimeout(60_000);
let server: HttpServer;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    startHttp({ settings: { REQUIRE_KEY: "yes" }, page: loadPage, providerMs: 10_000 }),
    launchBrowser(),
  ]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

test("asks for a key, tells of a wrong one, talks with a right one, and forgets it with the tab", async () => {
  const { secret } = await makeKey(server.store, { user: "olena" });
  const reader = await newReader(browser);
  const tab = await newTab(reader);
  const field = tab.page.getByLabel("API key");
  await tab.page.goto(server.url);
  await field.waitFor();
  await field.fill(`rz-${"x".repeat(43)}`);
  await tab.button("Continue").click();
  await tab.page.getByRole("alert").waitFor();
  await field.fill(secret);
  await tab.button("Continue").click();
  await tab.composer.waitFor();
  await tab.say("Who am I?");
  await tab.answered();
  const { data } = await server.store.listSessions("default", { limit: 5, deleted: false });
  expect(data.map(({ user }) => user)).toEqual(["olena"]);
  await tab.page.reload();
  await tab.composer.waitFor();
  expect(tab.page.url()).not.toContain("rz-");
  const kept = await tab.page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
  expect(kept).not.toContain(secret);
  const other = await newTab(reader);
  await other.page.goto(server.url);
  await other.page.getByLabel("API key").waitFor();
  // Of what it complains about, all is the refusals that the test asked for.
  for (const complaint of [...tab.complaints, ...other.complaints]) expect(complaint).toContain("401");
  await reader.close();
});

test("remembers a key when asked to, in every tab, out of the reach of scripts, until one signs out", async () => {
  const { secret } = await makeKey(server.store, { user: "taras" });
  const reader = await newReader(browser);
  const tab = await newTab(reader);
  const field = tab.page.getByLabel("API key");
  await tab.page.goto(server.url);
  await tab.page.getByLabel("Remember it").check();
  await field.fill(`rz-${"x".repeat(43)}`);
  await tab.button("Continue").click();
  await tab.page.getByRole("alert").waitFor();
  await field.fill(secret);
  await tab.button("Continue").click();
  await tab.composer.waitFor();
  const seen = () =>
    tab.page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]),
    );
  expect(await seen()).not.toContain(secret);
  const other = await newTab(reader);
  await other.page.goto(server.url);
  await other.composer.waitFor();
  await other.say("Who am I?");
  await other.answered();
  const { data } = await server.store.listSessions("default", { limit: 5, deleted: false, user: "taras" });
  expect(data.length).toBe(1);
  await tab.button("Sign out").click();
  await field.waitFor();
  await other.page.reload();
  await other.page.getByLabel("API key").waitFor();
  const kept = await tab.page.evaluate(async () => (await caches.keys()).filter((name) => name.includes("talks")));
  expect(kept).toEqual([]);
  for (const complaint of [...tab.complaints, ...other.complaints]) expect(complaint).toContain("401");
  await reader.close();
});
