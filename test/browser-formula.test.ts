// Formulas are laid out by KaTeX; what we lay out otherwise, because it costs less in every frame, stands where KaTeX puts it and looks the same.
// None of it is refused by the page's policy: the story's end sees to that.

import { expect, test } from "bun:test";
import { tellBrowserStory, usage } from "./browser-story.ts";

const story = tellBrowserStory();

const kinds = String.raw`\sum_{k=1}^{n} k^2
\int_0^\infty e^{-x^2}\,dx
\lim_{x\to 0}\frac{\sin x}{x}
\sqrt[3]{x+\sqrt{\frac{a}{b_{2}}}}
\cfrac{1}{1+\cfrac{1}{1+\cfrac{1}{x}}}
\binom{n}{k} {n \brace k}
\begin{pmatrix}1&2&3\\4&5&6\\7&8&9\end{pmatrix}
\begin{array}{c|c:c}a&b&c\\\hline d&e&f\\\hdashline g&h&i\end{array}
f(x)=\begin{cases}1&x>0\\0&\text{else}\end{cases}
\begin{aligned}\dot{x}&=\sigma(y-x)\\\dot y&=\rho x-y-xz\end{aligned}
\widehat{abc} \widetilde{abcd} \overline{AB} \underline{AB} \overrightarrow{AB} \mathring{e} \vec{v}
\overbrace{\underbrace{a+b}_{c}}^{d} \overgroup{AB}
\left\{\frac{a}{\frac{\frac bc}{d}}\right\} \Bigg(\bigg(\Big(
\xrightarrow[under]{over} \xrightleftharpoons{ab}
\cancel{x}+\xcancel{z} \sout{abc} \angl{n} \phase{-78}
a\stackrel{!}{=}b \underset{c}{d}
x^{2^{2^2}} x_{1_{2_3}} {}^{14}_{6}C x'''
\sum_{\substack{i<n\\j<m}} \raisebox{1em}{up}x_{\raisebox{-3em}{down}} \rule[-.5em]{1em}{2em}
\begin{CD}A@>a>>B\\@VbVV@VVcV\\C@>>d>D\end{CD}
\Large x\tiny y^2\huge z_i \LaTeX`.split("\n");
/** Here something is painted under or over something else. */
const painted = String.raw`\colorbox{yellow}{$x$}+y
\fcolorbox{red}{aqua}{$z$}
\boxed{E=mc}
\cancel{x}`.split("\n");

/** Every box of every formula: where it stands within its formula, and its size. */
const boxes = () =>
  story.tab.lastAnswer.locator(".formula").evaluateAll((formulas) =>
    formulas.map((formula) => {
      const { left, top } = formula.getBoundingClientRect();
      return [...formula.querySelectorAll(".katex-html *")].map((one) => {
        const box = one.getBoundingClientRect();
        return [box.left - left, box.top - top, box.width, box.height].map((length) => Math.round(length * 20) / 20);
      });
    }),
  );
const pictures = async () =>
  Promise.all(
    painted.map((_, index) =>
      story.tab.lastAnswer
        .locator(".formula")
        .nth(kinds.length + index)
        .screenshot({ animations: "disabled" }),
    ),
  );

test("what stands above and below in a formula is moved by margins and stands where KaTeX puts it, and nothing is painted over", async () => {
  const text = [...kinds, ...painted].map((source) => `$$${source}$$`).join("\n\n");
  story.server.emulator.play({ text, usage });
  await story.tab.say("formulas");
  await story.tab.answered();
  await story.tab.lastAnswer
    .locator(".katex")
    .nth(kinds.length + painted.length - 1)
    .waitFor();
  const ours = await boxes();
  const seen = await pictures();
  expect(await story.tab.lastAnswer.locator(".katex .stacked > span").count()).toBeGreaterThan(100);
  await story.tab.lastAnswer.evaluate((answer) => {
    for (const list of answer.querySelectorAll(".stacked")) {
      list.classList.remove("stacked");
      for (const { style } of list.children as HTMLCollectionOf<HTMLElement>) style.marginTop = style.marginBottom = "";
    }
    const katex = new CSSStyleSheet();
    katex.replaceSync(
      ".katex, .katex .katex-base, .katex .vlist { position: relative !important } .katex .pstrut { overflow: hidden !important }",
    );
    document.adoptedStyleSheets.push(katex);
  });
  const katex = await boxes();
  for (const [index, source] of [...kinds, ...painted].entries())
    expect([source, ours[index]]).toEqual([source, katex[index]]);
  for (const [index, picture] of (await pictures()).entries())
    expect([painted[index], picture.equals(seen[index]!)]).toEqual([painted[index], true]);
});
