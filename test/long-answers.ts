// Answers of some 20 KB, each hard for the page in its own way.

const times = (count: number, piece: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => piece(index)).join("");
const sentence = (n: number) =>
  `Sentence ${n} says **something** about \`value${n}\` and goes on for a *while*, as models do, until it ends. `;

const mixed = (n: number) => `## Part ${n}

${sentence(n)}${sentence(n + 1)}${sentence(n + 2)}

- one thing with \`code\`
- another, **stressed**
  - and one below it

| name | value |
|---|---|
| a${n} | ${n * 7} |
| b${n} | ${n * 11} |

\`\`\`ts
const part${n} = await read("file-${n}.txt"); // the ${n}th
if (part${n}.length > ${n}) console.log(\`part \${part${n}}\`);
\`\`\`

`;

export const longAnswers: Readonly<Record<string, string>> = {
  "everything a little": times(28, mixed),
  "one block of code": `\`\`\`ts\n${times(270, (n) => `export const value${n} = compute(${n}, "text ${n}", [1, 2, ${n}]); // no. ${n}\n`)}\`\`\`\n`,
  "a table of 300 rows": `| n | name | what it is | price |\n|--:|---|---|--:|\n${times(300, (n) => `| ${n} | name ${n} | a **thing** with \`code\` | $${n}.50 |\n`)}`,
  "one paragraph": times(200, sentence),
  formulas: times(
    60,
    (n) =>
      `Where $x_{${n}}^2 + \\frac{a}{b_{${n}}}$ holds, and $\\alpha_{${n}} \\le \\sqrt{n}$:\n\n$$\\sum_{k=1}^{${n + 1}} \\frac{k^2}{\\sqrt{k + ${n}}} = \\int_0^1 x^{${n}} e^{-x^2} \\, dx$$\n\n`,
  ),
  "nested lists": times(
    28,
    (n) =>
      `${n + 1}. Item ${n} with **words**\n${times(4, (k) => `   - below it ${k}, with \`code\`\n${times(3, (m) => `     - and still deeper ${m}: some *words* here\n`)}`)}`,
  ),
};
