// Answers as HTML, in a real browser: nothing a model writes runs or is fetched, and a stream ends as the whole text would.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import type { Block } from "../web/markdown.ts";
import { launchBrowser } from "./page.ts";

interface Modules {
  renderText(text: string): Block[];
  Prose: typeof import("../web/prose.ts").Prose;
}
declare global {
  var tested: Modules;
  var alarms: number;
}

setDefaultTimeout(30_000);
let browser: Browser;
let page: Page;
const fetched: string[] = [];

beforeAll(async () => {
  const web = join(import.meta.dirname, "../web");
  const entrypoints = [join(web, "markdown.ts"), join(web, "prose.ts")];
  const built = await Bun.build({ entrypoints, target: "browser", format: "esm", splitting: true });
  const files = new Map<string, string>();
  for (const output of built.outputs) files.set(output.path.replace(/^\.?\//, ""), await output.text());
  browser = await launchBrowser();
  page = await browser.newPage();
  await page.route("**/*", async (route) => {
    const path = new URL(route.request().url()).pathname.slice(1);
    const body = files.get(path);
    if (body !== undefined) return route.fulfill({ contentType: "text/javascript", body });
    if (path === "") return route.fulfill({ contentType: "text/html", body: "<!doctype html><div id=place></div>" });
    fetched.push(route.request().url());
    return route.abort();
  });
  await page.goto("http://page.test/");
  await page.evaluate(async () => {
    const load = (name: string) => import(`http://page.test/${name}.js`);
    globalThis.tested = { ...(await load("markdown")), ...(await load("prose")) };
    globalThis.alarms = 0;
    globalThis.alert = () => globalThis.alarms++;
  });
});
afterAll(() => browser.close());

/** Puts a text on the page as answers are put, and says what could do harm. */
function place(text: string) {
  return page.evaluate(async (markdown) => {
    const root = document.getElementById("place")!;
    const blocks = globalThis.tested.renderText(markdown);
    root.innerHTML = blocks.map((block) => (block.kind === "html" ? block.html : "")).join("");
    const elements = [...root.querySelectorAll("*")];
    const attributes = elements.flatMap((element) => [...element.attributes]);
    await new Promise((resolve) => setTimeout(resolve, 0));
    return {
      html: root.innerHTML,
      handlers: attributes.filter(({ name }) => name.startsWith("on") || name === "style").map(({ name }) => name),
      addresses: elements.flatMap((element) => element.getAttribute("href") ?? element.getAttribute("src") ?? []),
      dangerous: elements
        .map(({ localName }) => localName)
        .filter((name) => /script|iframe|object|embed|form|svg|math|style|base|meta|link|video|audio/.test(name)),
      alarms: globalThis.alarms,
    };
  }, text);
}

const attacks = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "text <img src=x onerror=alert(1)> text",
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
  "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
  "[click](javascript:alert(1))",
  "[click](JaVaScRiPt:alert(1))",
  "[click](java&#115;cript:alert(1))",
  "[click](&#x6a;avascript:alert(1))",
  "[click](\u0001javascript:alert(1))",
  "[click](data:text/html,<script>alert(1)</script>)",
  "[click](vbscript:msgbox)",
  "<javascript:alert(1)>",
  "[a]: javascript:alert(1)\n\n[a]",
  "![x](https://tracker.example/pixel.gif)",
  '![x](x"onerror="alert(1))',
  '![x"onerror="alert(1)](data:image/png;base64,AAAA)',
  "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
  '[x](https://example.com "a" onmouseover="alert(1)")',
  '[x](https://example.com/"onmouseover="alert(1))',
  '```js"onmouseover="alert(1)\ncode\n```\n- ```js"onmouseover="alert(1)\n  code\n  ```',
  "<a href='javascript:alert(1)'>x</a>",
  "<details open ontoggle=alert(1)>",
  "<style>@import url(https://tracker.example/a.css)</style>",
  "<div style='background:url(https://tracker.example/b.png)'>x</div>",
  "<link rel=stylesheet href=https://tracker.example/c.css>",
  "<base href=https://tracker.example/>",
  "<form action=https://tracker.example/><input name=a></form>",
  "<br onclick=alert(1)>",
  "<sub onclick=alert(1)>x</sub>",
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
  "- [ ] <input type=image src=x onerror=alert(1)>",
];

test("nothing a model can write runs, keeps a handler, leads to a script or is fetched", async () => {
  for (const attack of attacks) {
    const seen = await place(attack);
    expect({ attack, handlers: seen.handlers, dangerous: seen.dangerous }).toEqual({
      attack,
      handlers: [],
      dangerous: [],
    });
    for (const address of seen.addresses)
      expect(`${attack} -> ${address}`).toMatch(/ -> (https?:\/\/|mailto:|data:image\/png)/);
    expect(seen.alarms).toBe(0);
  }
  expect(fetched).toEqual([]);
});

test("HTML in an answer is shown as the text it is", async () => {
  const { html } = await place("Write <b>bold</b> & `<i>`, then a<br>break.");
  expect(html).toBe("<p>Write &lt;b&gt;bold&lt;/b&gt; &amp; <code>&lt;i&gt;</code>, then a<br>break.</p>\n");
});

test("links open in a new tab and tell nobody where the reader came from", async () => {
  const { html } = await place("[a](https://example.com/?a=1&b=2) and https://example.org");
  expect(html.match(/target="_blank"/g)).toHaveLength(2);
  expect(html.match(/rel="noopener noreferrer nofollow"/g)).toHaveLength(2);
});

test("a picture from elsewhere becomes a link, one inside the answer stays a picture", async () => {
  expect((await place("![cat](https://example.com/cat.png)")).html).toContain('href="https://example.com/cat.png"');
  const dot = "data:image/png;base64,iVBORw0KGgo=";
  expect((await place(`![dot](${dot})`)).html).toContain(`<img src="${dot}" alt="dot">`);
});

const pieces = fc.constantFrom(
  ..."para|- a|1. one |  - nested|* b|> quoted|# heading|## |---|===|```ts|```|~~~|    indented|| a | b ||| --- | --- ||| 1 | 2 ||**bold|**|`code|[x](http://a)|[x][1]|[1]: http://b|<div>|</div>|<br>|\\|\t|- [ ] task|\n|\n\n|\r\n|   |http://c.d|Привіт|😀|&amp;|$x$".split(
    "|",
  ),
);
const markdown = fc
  .array(fc.tuple(pieces, fc.constantFrom("", " ", "\n", "\n\n")), { maxLength: 14 })
  .map((parts) => parts.map(([piece, gap]) => piece + gap).join(""));

test("a text that arrives in any pieces ends as it would have been rendered at once", async () => {
  const cases = fc.sample(fc.tuple(markdown, fc.array(fc.nat(), { minLength: 1, maxLength: 12 })), 2_000);
  // A line that is not whole yet looks like the rule of a heading; a fence is not closed by a tab.
  cases.push(["<div>\n===\n ---  --- \n", [8, 3]], ["```ts\na\n``` \t\nb\n", [8, 8]]);
  const differing = await page.evaluate((samples) => {
    const failures: unknown[] = [];
    const next: (() => void)[] = [];
    globalThis.requestAnimationFrame = (callback) => next.push(() => callback(0));
    const frame = () => {
      for (const callback of next.splice(0)) callback();
    };
    const told = (prose: InstanceType<Modules["Prose"]>) =>
      prose.finished.value.map(
        (block) =>
          block.kind === "html" ? block.html : `${block.language}: ${block.code.replace(/^[ \t]+/gm, "").trimEnd()}`, // marked keeps some of a fence's indentation
      );
    for (const [text, cuts] of samples) {
      const prose = new globalThis.tested.Prose();
      let from = 0;
      for (const [turn, cut] of cuts.entries()) {
        const to = Math.min(text.length, from + 1 + (cut % 9));
        prose.append(text.slice(from, to));
        from = to;
        if (turn % 3 < 2) frame();
      }
      prose.append(text.slice(from));
      prose.finish();
      const streamed = told(prose);
      const whole = told(new globalThis.tested.Prose(text));
      if (streamed.join("") !== whole.join("")) failures.push({ text, cuts, streamed, whole });
    }
    return failures;
  }, cases);
  expect(differing.slice(0, 3)).toEqual([]);
});
