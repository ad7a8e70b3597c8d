// The page's other thread: reads Markdown and colours code, where no text, however hostile, can hold up the reader.

import { cutLong, type GoesOn, type Piece } from "./long.ts";
import { isShown, readBlocks, readShown, renderBlock, renderPieces, renderText, renderTogether } from "./markdown.ts";
import { awaitMarks, completeMarks } from "./marks.ts";
import type { Block, Tree } from "./tree.ts";

/** What the page may ask; each is answered from what it says alone, so that a worker can be thrown away at any time. */
export interface Jobs {
  /** A whole text. `open`: it broke off, and its last marks may have no end. `goesOn`: its first block began before it. */
  whole: { ask: { text: string; firstKey: number; open: boolean; goesOn: GoesOn | null }; answer: Block[] };
  /** The end of a text that still grows: what of it will not change any more, how long that is, and what is left. */
  growing: {
    ask: { text: string; firstKey: number; goesOn: GoesOn | null };
    answer: { done: Block[]; taken: number; last: Block | null; goesOn: GoesOn | null };
  };
  /** Pieces of code, each some whole lines, in their language's colours; null when the language is not known. */
  code: { ask: { pieces: readonly string[]; language: string }; answer: Tree[][] | null };
}
export type JobName = keyof Jobs;
export type Job = { [Name in JobName]: { name: Name } & Jobs[Name]["ask"] }[JobName];

function readGrowing({ text, firstKey, goesOn }: Jobs["growing"]["ask"]): Jobs["growing"]["answer"] {
  const head = goesOn?.head ?? "";
  // A line that is not complete may yet become anything, and with it what stands before it: it ends no block.
  const tokens = readBlocks(head + text.slice(0, text.lastIndexOf("\n") + 1));
  const before = tokens.slice(
    0,
    Math.max(
      0,
      tokens.findLastIndex((token) => token.type !== "space"),
    ),
  );
  const done: Block[] = [];
  let goes = goesOn;
  for (const token of before.filter(isShown)) {
    done.push(...renderBlock(token, firstKey + done.length, goes));
    goes = null;
  }
  let taken = before.reduce((sum, token) => sum + token.raw.length, before.length > 0 ? -head.length : 0);
  const [open, ...after] = readShown(completeMarks(text.slice(taken)), goes);
  if (!open) return { done, taken, last: null, goesOn: goes };
  const pieces = cutLong(open, goes);
  const last = pieces.pop() as Piece;
  const whole = pieces.map(({ raw }) => raw).join("");
  const at = taken + text.slice(taken).search(/\S|$/);
  // What was completed at its end is not the text's.
  if (pieces.length === 0 || !text.startsWith(whole, at))
    return { done, taken, last: renderTogether([open, ...after], firstKey + done.length, goes !== null), goesOn: goes };
  done.push(...renderPieces(pieces, firstKey + done.length));
  taken = at + whole.length;
  return {
    done,
    taken,
    last: renderTogether([last.token, ...after], firstKey + done.length, true),
    goesOn: last.goesOn,
  };
}

async function answer(job: Job): Promise<Jobs[JobName]["answer"]> {
  if (job.name === "growing" || (job.name === "whole" && job.open)) await awaitMarks();
  if (job.name === "whole") return renderText(job.text, job.firstKey, job.open, job.goesOn);
  if (job.name === "growing") return readGrowing(job);
  const { colourAs } = await import("./colours.ts");
  return colourAs(job.pieces, job.language);
}

addEventListener("message", (event: MessageEvent<Job>) => {
  answer(event.data).then(
    (value) => postMessage({ value }),
    (error: unknown) => postMessage({ error: String(error) }), // too deep for the stack: the page shows the text as it came
  );
});
postMessage({ ready: true });
