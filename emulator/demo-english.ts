// The demo answer in English.

import type { Phrases } from "./demo-phrases.ts";

export const english: Phrases = {
  notice:
    "**This is the built-in Gemini emulator: no AI is answering.** To talk to the real model, put " +
    "`GEMINI_API_KEY=your-key` into `.env` and start the server again.",
  openers: [
    "Your message arrived. You wrote:",
    "Here is what reached me:",
    "I cannot think, but I can read. You said:",
  ],
  conversation: ({ earlier, first }) =>
    earlier === 0
      ? "I was given no earlier messages: this is where the conversation begins."
      : `I was given ${earlier} earlier message${earlier === 1 ? "" : "s"}; the first thing you said was “${first}”. ` +
        "So the server remembers, and a real model would too.",
  system: (text) => `There is also a system instruction, and it was passed on: “${text}”.`,
  listTitle: "What you can try here without a key:",
  list: [
    [
      "watch this answer **stream**, word by word, over the same wire that Gemini uses",
      "stop it half-way, reload the page, or restart the server: nothing that was said is lost",
      "look at the *cost* below: it is computed from these token counts with real prices, but nobody is charged",
    ],
    [
      "ask for a `table`, for `code`, or for a `long` answer",
      "write in Ukrainian, and I answer in Ukrainian",
      "open the history: every message and the accumulated cost are there",
    ],
    [
      "send the same message twice: the answer is the same, there is no chance in it",
      "open two tabs on one conversation and see both follow it",
      "call the API yourself: `/docs` lists every endpoint",
    ],
  ],
  tableHead: ["About your message", "Count"],
  tableRows: ({ words, characters, lastTokens, promptTokens, earlier }) => [
    ["Words", words],
    ["Characters", characters],
    ["Tokens, by the emulator's rule (bytes / 4)", lastTokens],
    ["Tokens with the conversation before it", promptTokens],
    ["Earlier messages", earlier],
  ],
  wideTable: [
    "And a wider one, since you asked for a table:",
    "",
    "| Kind | Example | Streams | Has a cost |",
    "|:--|:--|:-:|:-:|",
    "| **Bold** | `**text**` | yes | yes |",
    "| *Italic* | `*text*` | yes | yes |",
    "| Link | [the docs](/docs) | yes | yes |",
    "| Formula | 6 × 7 = 42 | yes | yes |",
    "| Emoji | 🌻 🧮 ✅ | yes | yes |",
  ].join("\n"),
  code: "```sh\necho 'GEMINI_API_KEY=your-key' >> .env\nnpm start\n```",
  longCode: [
    "And since you asked for code:",
    "",
    "```ts",
    "// Sends a message and prints the answer with its cost.",
    'const base = "http://127.0.0.1:8000/sessions";',
    'const json = { "content-type": "application/json" };',
    'const session = await (await fetch(base, { method: "POST" })).json();',
    'const answer = await fetch(base + "/" + session.id + "/messages", {',
    '  method: "POST",',
    "  headers: json,",
    '  body: JSON.stringify({ content: "Hello!" }),',
    "});",
    "const { reply } = await answer.json();",
    "console.log(reply.content, reply.cost.total);",
    "```",
  ].join("\n"),
  paragraphs: [
    "You asked for a long answer, so here is how a message travels. The server first writes your message down, together " +
      "with an empty reply, in one transaction: from then on neither can be lost. Only then does it call the model, over " +
      "HTTP, with the conversation so far in front of your words.",
    "The answer comes back in small events. Each of them carries a piece of text and the running count of tokens; the " +
      "last count is the one that matters, and adding the counts up would charge you many times over. If the connection " +
      "breaks, the text that came is kept and marked as interrupted.",
    "When the stream ends, the server closes the books in a second transaction: the text, the tokens, the price in force " +
      "that day and the cost, down to the last fraction of a cent. A later change of prices never touches it.",
    "None of this needs a model that thinks, which is why an emulator can show it. What I cannot do is answer your " +
      "question; for that, set the key.",
  ],
  thoughts: ({ last, earlier }) =>
    `**Reading the request**\n\nThe user wrote “${last}”, after ${earlier} earlier message${earlier === 1 ? "" : "s"}. ` +
    "I am an emulator, so there is nothing to think about: I count, I echo, and I say so.\n\n",
};
