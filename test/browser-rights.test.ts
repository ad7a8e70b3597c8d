// Rooms are for those who may: offered to them, and to nobody else.

import { expect, test } from "bun:test";
import type { NewKey } from "../src/caller/key.ts";
import { loadPage } from "../web/build.ts";
import { tellBrowserStory } from "./browser-story.ts";
import { makeKey } from "./callers.ts";
import { startHttp } from "./http-assembly.ts";
import { newReader, newTab } from "./page.ts";

const story = tellBrowserStory();

test("rooms are offered to those who may open them, and whoever comes by an address is told calmly that it is not theirs", async () => {
  const server = await startHttp({ settings: { REQUIRE_KEY: "yes" }, page: loadPage });
  const key = async (scopes: NewKey["scopes"]) => (await makeKey(server.store, { scopes, user: null })).secret;
  const everything = ["usage", "models", "keys", "budgets", "projects", "audit", "health"];
  const rooms = {
    read: ["usage", "models", "health"],
    chat: ["models", "health"],
    admin: ["usage", "models", "keys", "budgets", "audit", "health"],
    operator: everything,
  } as const;
  for (const [scope, own] of Object.entries(rooms)) {
    const reader = await newReader(story.browser);
    const tab = await newTab(reader);
    const refused: string[] = [];
    tab.page.on("response", (answer) => answer.status() === 403 && refused.push(answer.url()));
    const secret = await key([scope as keyof typeof rooms]);
    await tab.page.addInitScript((shown) => sessionStorage.setItem("rozmova.key", shown), secret);
    const nameOf = (room: string) =>
      tab.page.locator(`.room-tabs a[href="#/${room}"], .preferences a[href="#/${room}"]`);
    for (const room of everything) {
      await tab.page.goto(`${server.url}/#/${room}`);
      await tab.page.locator('.preferences a[data-pending="false"]').first().waitFor();
      const isOwn = (own as readonly string[]).includes(room);
      const notTheirs = tab.page.getByText("This key may not open this room.");
      if (isOwn) await tab.page.locator(".room :is(.button, table, .facts, dl)").first().waitFor();
      else await notTheirs.waitFor();
      expect([scope, room, (await nameOf(room).count()) > 0]).toEqual([scope, room, isOwn]);
      expect(await notTheirs.count()).toBe(isOwn ? 0 : 1);
      if (isOwn && room === "usage") {
        const groupings = tab.page.locator(".usage-choice select").last().locator("option");
        const byProject = (await groupings.allInnerTexts()).includes("Project");
        expect([scope, byProject]).toEqual([scope, scope === "operator"]);
      }
      if (!isOwn) expect(await tab.page.locator(".room :is(table, button)").count()).toBe(0);
    }
    await tab.page.keyboard.press("Control+k");
    const offered = tab.page.locator('#palette-list [role="option"]');
    await tab.page.locator("#palette-models").waitFor();
    const ids = await offered.evaluateAll((options) => options.map(({ id }) => id.replace("palette-", "")));
    expect(ids.filter((id) => everything.includes(id))).toEqual(everything.filter((id) => own.includes(id as never)));
    // Nothing that is not theirs was even asked for; the list of conversations is what a key without read cannot have.
    expect(refused.filter((url) => !url.includes("/sessions"))).toEqual([]);
    await reader.close();
  }
  await server.stop();
});
