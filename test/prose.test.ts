// Answers as they are drawn, in a real browser: nothing a model writes runs or is fetched, and a stream ends as the whole text would.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { basename, join } from "node:path";
import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "./page.ts";

interface Modules {
  Prose: typeof import("../web/prose/prose.ts").Prose;
  drawSoon: typeof import("../web/prose/frames.ts").drawSoon;
  drawProse(prose: unknown, place: Element): void;
}
declare global {
  var tested: Modules;
  var alarms: number;
}

setDefaultTimeout(60_000);
let browser: Browser;
let page: Page;
let server: Bun.Server<undefined>;
const fetched: string[] = [];

beforeAll(async () => {
  const web = join(import.meta.dirname, "../web");
  const entrypoints = [join(import.meta.dirname, "prose-page.tsx"), join(web, "prose/worker.ts")];
  const built = await Bun.build({ entrypoints, target: "browser", format: "esm", splitting: true });
  const files = new Map<string, string>();
  for (const output of built.outputs) files.set(`/${basename(output.path)}`, await output.text());
  const html = '<!doctype html><meta name="rozmova-reader" content="worker.js"><div id=place></div>';
  const type = { "content-type": "text/javascript" };
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      const body = files.get(pathname);
      if (body !== undefined) return new Response(body, { headers: type });
      if (pathname === "/") return new Response(html, { headers: { "content-type": "text/html" } });
      if (pathname !== "/favicon.ico") fetched.push(request.url);
      return new Response("", { status: 404 });
    },
  });
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url.href) && !request.url().startsWith("data:")) fetched.push(request.url());
  });
  await page.goto(server.url.href);
  await page.evaluate(async () => {
    globalThis.tested = (await import(`${location.origin}/prose-page.js`)) as Modules;
    globalThis.alarms = 0;
    globalThis.alert = () => globalThis.alarms++;
    // Frames as fast as they can be asked for.
    globalThis.requestAnimationFrame = (callback) => Number(setTimeout(() => callback(performance.now()), 0));
  });
});
afterAll(async () => {
  await browser.close();
  await server.stop(true);
});

/** Puts a text on the page as answers are put, and says what could do harm. */
function place(text: string) {
  return page.evaluate(async (markdown) => {
    const root = document.getElementById("place")!;
    const prose = new globalThis.tested.Prose(markdown);
    await prose.ready;
    globalThis.tested.drawProse(prose, root);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const elements = [...root.querySelectorAll("*")];
    const attributes = elements.flatMap((element) => [...element.attributes]);
    return {
      html: [...root.querySelectorAll(".block")].map((block) => block.innerHTML).join(""),
      handlers: attributes.filter(({ name }) => name.startsWith("on") || name === "style").map(({ name }) => name),
      addresses: elements.flatMap((element) => element.getAttribute("href") ?? element.getAttribute("src") ?? []),
      dangerous: elements
        .filter((element) => element.closest(".icon-button") === null) // the page's own icons
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
      expect(`${attack} -> ${address}`).toMatch(/ -> (https?:\/\/|mailto:|data:image\/png|\.\/)/);
    expect(seen.alarms).toBe(0);
  }
  expect(fetched).toEqual([]);
});

test("HTML in an answer is shown as the text it is", async () => {
  const { html } = await place("Write <b>bold</b> & `<i>`, then a<br>break, H<sub>2</sub>O.");
  expect(html).toBe(
    "<p>Write &lt;b&gt;bold&lt;/b&gt; &amp; <code>&lt;i&gt;</code>, then a<br>break, H<sub>2</sub>O.</p>",
  );
});

test("character references are read in words and left alone in code", async () => {
  const { html } = await place("&amp; &#1090; &#x44F; &rarr; &nosuchname; `&amp;`");
  expect(html).toBe("<p>&amp; т я → &amp;nosuchname; <code>&amp;amp;</code></p>");
});

test("links open in a new tab and tell nobody where the reader came from; a path leads into this same site", async () => {
  const { html } = await place("[a](https://example.com/?a=1&b=2) and https://example.org, see [the docs](/docs)");
  expect(html.match(/target="_blank"/g)).toHaveLength(3);
  expect(html.match(/rel="noopener noreferrer nofollow"/g)).toHaveLength(3);
  expect(html).toContain('href="https://example.com/?a=1&amp;b=2"');
  expect(html).toContain('href="./docs"');
  expect((await place("[x](//evil.example/) [y](/\\evil.example)")).addresses).toEqual([]);
});

test("a picture from elsewhere becomes a link, one inside the answer stays a picture", async () => {
  expect((await place("![cat](https://example.com/cat.png)")).html).toContain('href="https://example.com/cat.png"');
  const dot = "data:image/png;base64,iVBORw0KGgo=";
  expect((await place(`![dot](${dot})`)).html).toContain(`<img src="${dot}" alt="dot">`);
});

test("formulas keep their backslashes; prices are not formulas", async () => {
  const sources = async (text: string) => {
    const { html } = await place(text);
    return [
      ...html.matchAll(/class="formula( display)?"[^>]*>(?:<code>([^<]*)<\/code>)?.*?(?:<annotation[^>]*>([^<]*)<)?/g),
    ].length;
  };
  expect(await sources("\\(E = mc^2\\) and $e^{-x^2}\\,dx$")).toBe(2);
  expect(await sources("\\[\n\\int_0^1 x\\,dx\n\\]\n\n$$\na_b\n$$")).toBe(2);
  expect(await sources("It costs $5 and then $10, or US$3.")).toBe(0);
  expect(await sources("`$x$` stays code")).toBe(0);
});

test("an answer that broke off ends well: marks are closed, half a link is words", async () => {
  const seen = await page.evaluate(async () => {
    const root = document.getElementById("place")!;
    const prose = new globalThis.tested.Prose("See **Dni", true);
    const link = new globalThis.tested.Prose(
      "see [the CEFR scale](https://www.coe.int/en/web/common-european-fra",
      true,
    );
    const htmlOf = async (one: typeof prose) => {
      await one.ready;
      globalThis.tested.drawProse(one, root);
      await new Promise((resolve) => setTimeout(resolve, 60));
      return root.querySelector(".block")!.innerHTML;
    };
    return [await htmlOf(prose), await htmlOf(link)];
  });
  expect(seen).toEqual(["<p>See <strong>Dni</strong></p>", "<p>see the CEFR scale</p>"]);
});

test("a footnote's reference is a raised mark, its notes are one list, each beginning with its mark; other words in such brackets stay", async () => {
  const text =
    "Claim.[^1] More[^a-b][^2].\n\n[^1]: One *note*\n[^a-b]: https://a.example/\ngoes on\n\n    and on\n\n[^2]: Two\n\nAfter";
  const { html } = await place(text);
  const link = '<a href="https://a.example/" target="_blank" rel="noopener noreferrer nofollow">https://a.example/</a>';
  expect(html).toBe(
    "<p>Claim.<sup>[1]</sup> More<sup>[a-b]</sup><sup>[2]</sup>.</p>" +
      `<ul class="notes"><li><sup>[1]</sup><p>One <em>note</em></p></li><li><sup>[a-b]</sup><p>${link}<br>goes on</p><p>and on</p></li>` +
      "<li><sup>[2]</sup><p>Two</p></li></ul><p>After</p>",
  );
  expect((await place("Not [^a-z] and `a[^1]`, see [^b c]")).html).toBe(
    "<p>Not [^a-z] and <code>a[^1]</code>, see [^b c]</p>",
  );
});

test("a formula of its own that is never closed is one up to the empty line, while it grows and after; what follows it stays, prices and escaped brackets too", async () => {
  const formula = (source: string) => ({ tag: "math", text: source, on: true });
  const p = (...kids: string[]) => ({ tag: "p", kids });
  const seen = await page.evaluate(async () => {
    const texts = [
      "\\[\nx_1 +\n- y*2*\n\nText",
      "\\[ x_1 \\\\[2pt] y",
      "$$\nx_1\n\n$$\nwhere x is the mass",
      "$$ is the price of it\n\nand more",
      "\\[1] Smith, 2020",
      "Words:\n\\[",
    ];
    const out: unknown[] = [];
    for (const text of texts)
      for (const ended of ["no", "broken", "yes"]) {
        const prose = new globalThis.tested.Prose();
        prose.append(text);
        if (ended !== "no") prose.finish(undefined, ended === "broken");
        await prose.ready;
        await new Promise<void>((resolve) => globalThis.tested.drawSoon(0, resolve));
        const finished = prose.finished.value.flatMap(({ blocks }) => blocks);
        const last = prose.last.value;
        out.push([...finished, ...(last ? [last] : [])].flatMap(({ kids }) => kids));
      }
    return out;
  });
  const thrice = (...trees: unknown[]) => [trees, trees, trees];
  const br = { tag: "br" };
  expect(seen).toEqual([
    ...thrice(formula("x_1 +\n- y*2*"), p("Text")),
    ...thrice(formula("x_1 \\\\[2pt] y")),
    ...thrice(formula("x_1"), { tag: "p", kids: ["$$", br, "where x is the mass"] }),
    ...thrice(p("$$ is the price of it"), p("and more")),
    ...thrice(p("[1] Smith, 2020")),
    [p("Words:")],
    [p("Words:")],
    [{ tag: "p", kids: ["Words:", br, "["] }],
  ]);
});

const pieces = fc.constantFrom(
  ..."para|- a|1. one |  - nested|* b|> quoted|# heading|## |---|===|```ts|```|~~~|    indented|| a | b ||| --- | --- ||| 1 | 2 ||**bold|**|`code|[x](http://a)|[x][1]|[1]: http://b|<div>|</div>|<br>|\\|\t|- [ ] task|\n|\n\n|\r\n|   |[^1]|w[^n]|[^1]: note|[^n]: *b*|    goes on|\\[|\\]|http://c.d|Привіт|😀|&amp;|$x$|$$|\\\\(a\\\\)".split(
    "|",
  ),
);
const markdown = fc
  .array(fc.tuple(pieces, fc.constantFrom("", " ", "\n", "\n\n")), { maxLength: 14 })
  .map((parts) => parts.map(([piece, gap]) => piece + gap).join(""));

test("a text that arrives in any pieces ends as it would have been read at once", async () => {
  const cases = fc.sample(fc.tuple(markdown, fc.array(fc.nat(99), { minLength: 1, maxLength: 12 })), 700);
  // A line that is not whole yet looks like the rule of a heading; a fence is not closed by a tab.
  cases.push(["<div>\n===\n ---  --- \n", [8, 3]], ["```ts\na\n``` \t\nb\n", [8, 8]]);
  // What interrupts a paragraph is not taken back by a line that looks like the rule of a heading.
  cases.push(
    ["words\n[^1]: note\n===\n", [3, 3, 3, 4]],
    ["\\[\na\n+ b\n- c\n\\]\nafter\n", [3, 3, 3, 4]],
    ["words\n$$\na\n$$\n---\n", [2, 2, 3, 3]],
  );
  // Long blocks are cut into pieces where they are, not where they arrived.
  const many = (count: number, line: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => line(n)).join("");
  const long = [
    `| a | b |\n|---|--:|\n${many(300, (n) => `| ${n} | **b** \`${n}\` |\n`)}\nafter`,
    `before\n\n${many(200, (n) => `${n + 3}. item ${n}\n   - below *it*\n`)}\nafter`,
    `${many(400, (n) => `- item ${n}\n`)}> quote`,
    `${many(150, (n) => `Sentence ${n} with **marks** and \`code\` in it ends. `)}\n\nafter`,
    `Words[^7].\n\n${many(200, (n) => `[^${n + 1}]: Note ${n} with *marks*\n${n % 5 ? "" : "\n    and more\n\n"}`)}\nafter`,
    many(150, (n) => `Sentence ${n} of *one* line that has no end. `),
  ];
  const strides = [7, 400, 900];
  for (const text of long)
    for (const stride of strides) cases.push([text, Array.from({ length: 60 }, () => (stride === 7 ? 6 : stride))]);
  const differing = await page.evaluate(async (samples) => {
    const failures: unknown[] = [];
    type Prose = InstanceType<Modules["Prose"]>;
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
    const told = (prose: Prose) =>
      prose.finished.value
        .flatMap(({ blocks }) => blocks)
        .map(({ kids }) =>
          JSON.stringify(
            kids.map((kid) =>
              typeof kid === "object" && kid.tag === "fence"
                ? { ...kid, on: 0, text: (kid.text ?? "").replace(/^[ \t]+/gm, "").trimEnd() }
                : kid,
            ),
          ),
        ); // marked keeps some of a fence's indentation
    const drawn = async (prose: Prose) => {
      await prose.ready;
      await new Promise<void>((resolve) => globalThis.tested.drawSoon(0, resolve));
    };
    const test = async ([text, cuts]: (typeof samples)[number]) => {
      const prose = new globalThis.tested.Prose();
      let from = 0;
      for (const [turn, cut] of cuts.entries()) {
        const to = Math.min(text.length, from + 1 + (cut < 100 ? cut % 9 : cut));
        prose.append(text.slice(from, to));
        from = to;
        if (turn % 3 < 2) await pause();
        if (turn % 4 === 3) await prose.ready;
      }
      prose.append(text.slice(from));
      prose.finish();
      const whole = new globalThis.tested.Prose(text);
      await Promise.all([drawn(prose), drawn(whole)]);
      const [streamed, once] = [told(prose), told(whole)];
      if (streamed.join("") !== once.join("")) failures.push({ text, cuts, streamed, once });
    };
    for (let index = 0; index < samples.length; index += 50)
      await Promise.all(samples.slice(index, index + 50).map(test));
    return failures;
  }, cases);
  expect(differing.slice(0, 3)).toEqual([]);
});
