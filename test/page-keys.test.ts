// The sheet of keys names every key that the page listens to.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const web = join(import.meta.dirname, "../web");
const read = (path: string) => readFileSync(join(web, path), "utf8");

/** As they are printed on keyboards. */
const printed: Record<string, string> = {
  Escape: "Esc",
  ArrowUp: "↑",
  Delete: "Del",
  PageUp: "PgUp",
  PageDown: "PgDn",
};
/** What lists, tabs and pickers do by custom, for every reader of the keyboard: no shortcut of ours. */
const customary = new Set(["ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"]);

test("every key that the page listens to is on the sheet", () => {
  const sheet = new Set(
    [...read("shell/shortcuts.tsx").matchAll(/^ {4}\["(.+)", t\.\w+\],$/gm)].map(([, keys]) => keys!),
  );
  const single = new Set([...sheet].flatMap((keys) => (/^(?:Ctrl|Shift) /.test(keys) ? [keys] : keys.split("  "))));
  expect(single.size).toBeGreaterThan(12);
  const heard = new Set<string>();
  for (const path of new Bun.Glob("**/*.{ts,tsx}").scanSync(web))
    for (const [, key] of read(path).matchAll(/\bkey [!=]== "([^"]+)"/g)) heard.add(printed[key!] ?? key!);
  const [, controls = "", alone = ""] =
    /const withControl[^{]*\{([\s\S]*?)\n\};[\s\S]*?const alone[^{]*\{([\s\S]*?)\n\};/.exec(read("keyboard.ts"))!;
  for (const [, shift = "", letter] of controls.matchAll(/^ {2}"?(Shift )?Key(\w)"?:/gm))
    heard.add(`Ctrl ${shift}${letter}`);
  for (const [, key] of alone.matchAll(/^ {2}"?([^\s":]+)"?:/gm)) heard.add(key!);
  expect([...heard]).toEqual(expect.arrayContaining(["Ctrl K", "Ctrl Shift O", "j", "/", "p", "F2", "PgDn"]));
  expect([...heard].filter((key) => !single.has(key) && !customary.has(key))).toEqual([]);
});
