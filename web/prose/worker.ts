// The page's other thread: reads Markdown and colours code, where no text, however hostile, can hold up the reader.

import { completeMarks, isShown, readBlocks, renderBlock, renderText, renderTogether } from "./markdown.ts";
import type { Block, Tree } from "./tree.ts";

/** What the page may ask; each is answered from what it says alone, so that a worker can be thrown away at any time. */
export interface Jobs {
  /** A whole text. `open`: it broke off, and its last marks may have no end. */
  whole: { ask: { text: string; firstKey: number; open: boolean }; answer: Block[] };
  /** The end of a text that still grows: what of it will not change any more, how long that is, and what is left. */
  growing: { ask: { text: string; firstKey: number }; answer: { done: Block[]; taken: number; last: Block | null } };
  /** Code in its language's colours; null when the language is not known. */
  code: { ask: { text: string; language: string }; answer: Tree[] | null };
}
export type JobName = keyof Jobs;
export type Job = { [Name in JobName]: { name: Name } & Jobs[Name]["ask"] }[JobName];

function readGrowing(text: string, firstKey: number): Jobs["growing"]["answer"] {
  // A line that is not complete may yet become anything, and with it what stands before it: it ends no block.
  const tokens = readBlocks(text.slice(0, text.lastIndexOf("\n") + 1));
  const before = tokens.slice(
    0,
    Math.max(
      0,
      tokens.findLastIndex((token) => token.type !== "space"),
    ),
  );
  const done: Block[] = [];
  for (const token of before.filter(isShown)) done.push(...renderBlock(token, firstKey + done.length));
  const taken = before.reduce((sum, token) => sum + token.raw.length, 0);
  const rest = readBlocks(completeMarks(text.slice(taken))).filter(isShown);
  return { done, taken, last: rest.length > 0 ? renderTogether(rest, firstKey + done.length) : null };
}

async function answer(job: Job): Promise<Jobs[JobName]["answer"]> {
  if (job.name === "whole") return renderText(job.text, job.firstKey, job.open);
  if (job.name === "growing") return readGrowing(job.text, job.firstKey);
  const { colourAs } = await import("./colours.ts");
  return colourAs(job.text, job.language);
}

addEventListener("message", (event: MessageEvent<Job>) => {
  answer(event.data).then(
    (value) => postMessage({ value }),
    (error: unknown) => postMessage({ error: String(error) }), // too deep for the stack: the page shows the text as it came
  );
});
postMessage({ ready: true });
