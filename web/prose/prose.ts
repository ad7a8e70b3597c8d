// A text that grows: finished blocks are drawn once, only the last one again, and all reading is done in the worker.

import { type Signal, signal } from "@preact/signals";
import { Fence } from "./fence.ts";
import { awaitFormulas } from "./formula.tsx";
import { drawSoon } from "./frames.ts";
import { cutSegments, definition, type GoesOn } from "./long.ts";
import { addToChapters, type Block, type Chapter, plainBlocks, wordsOf } from "./tree.ts";
import { readers } from "./workshop.ts";

/** A block that grew past this without an end is shown as it came. */
const longestOpenBlock = 64_000;
/** After so many passages of a text that could not be read in time, the rest of it is shown as it came. */
const failuresAllowed = 2;
const portionNodes = 150;

export class Prose {
  /** Blocks that will not change any more, in chapters, so that what is drawn is not even looked at again. */
  readonly finished: Signal<readonly Chapter[]> = signal([]);
  /** The block that is being written. */
  readonly last: Signal<Block | null> = signal(null);
  /** Whether not all of it is on the page yet: more may come, or is being read or drawn. */
  readonly busy: Signal<boolean> = signal(false);
  /** In so many chapters formulas are there for those who hear it too. */
  readonly heard: Signal<number> = signal(0);
  /** Resolves when all of a text that was given whole has been read. */
  ready: Promise<void> = Promise.resolve();
  #text = "";
  /** What comes after the blocks read so far (and after the code already taken into the open fence). */
  #rest = "";
  #fence: Fence | null = null;
  /** Of a long block whose beginning has been taken: what its rest is read with. */
  #goesOn: GoesOn | null = null;
  #count = 0;
  #failures = 0;
  /** The rest as it was when it was last read; null when it has not been. */
  #asked: string | null = null;
  #ended: { open: boolean } | null = null;
  #running = false;
  /** Grows when the text is replaced, so that what was read of the old one is thrown away. */
  #edition = 0;

  /** `open`: the text broke off somewhere, so that its last marks may have no end. */
  constructor(text = "", open = false) {
    if (text !== "") this.#replace(text, open);
  }

  get text(): string {
    return this.#text;
  }

  /** What it says, without Markdown's signs, up to about so many characters. */
  words(most: number): string {
    let words = "";
    for (const { blocks } of this.finished.value)
      for (const { kids } of blocks) {
        if (words.length > most) return `${words.slice(0, most)}…`;
        words += ` ${wordsOf(kids)}`;
      }
    return words.trim();
  }

  append(text: string): void {
    const clean = text.replaceAll("\r", "");
    this.busy.value = true;
    this.#text += clean;
    this.#rest += clean;
    this.#advance();
  }

  /** No more will come. `text`, when given, is the whole text as the server keeps it: it wins. */
  finish(text?: string, open = false): void {
    const whole = text?.replaceAll("\r", "") ?? this.#text;
    if (whole !== this.#text || definition.test(whole)) {
      this.#replace(whole, open);
      return;
    }
    this.#ended = { open };
    this.#advance();
    this.#over();
  }

  /** What is on the page stays until the new text has been read. */
  #replace(text: string, open: boolean): void {
    this.#text = text.replaceAll("\r", "");
    this.#edition++;
    this.#rest = "";
    this.#asked = null;
    this.#ended = null;
    this.#fence = null;
    this.#goesOn = null;
    const edition = this.#edition;
    this.ready = this.#readWhole(this.#text, 0, open).then((blocks) => {
      if (edition !== this.#edition) return;
      this.#count = blocks.length;
      if (this.finished.value.length === 0) this.#draw(blocks, null);
      else drawSoon(portionNodes, () => this.#swap(edition, blocks));
    });
    this.busy.value = true;
    this.#over();
  }

  /** Says so when the last of it is on the page: what is drawn is drawn in its order. */
  #over(): void {
    const edition = this.#edition;
    void this.ready.then(() => drawSoon(0, () => this.#makeHeard(edition)));
  }

  /** When all is drawn, a chapter's MathML after the other, since laid out at once it would be a long task. */
  #makeHeard(edition: number): void {
    if (edition !== this.#edition) return;
    for (const [index, { nodes, math }] of this.finished.value.entries())
      if (math && index >= this.heard.value)
        drawSoon(nodes, () => {
          if (edition === this.#edition) this.heard.value = index + 1;
        });
    drawSoon(0, () => {
      if (edition !== this.#edition) return;
      this.heard.value = Number.POSITIVE_INFINITY;
      this.busy.value = false;
    });
  }

  #swap(edition: number, blocks: readonly Block[]): void {
    if (edition !== this.#edition) return;
    this.finished.value = addToChapters([], blocks);
    this.last.value = null;
  }

  async #readWhole(text: string, firstKey: number, open: boolean): Promise<Block[]> {
    const blocks: Block[] = [];
    const segments = cutSegments(text);
    for (const [index, segment] of segments.entries()) {
      const ask = {
        text: segment,
        firstKey: firstKey + blocks.length,
        open: open && index === segments.length - 1,
        goesOn: index === 0 ? this.#goesOn : null,
      };
      const read = this.#failures < failuresAllowed ? await readers.words.do("whole", ask) : undefined;
      if (!read) this.#failures++;
      if (read?.some(({ math }) => math)) await awaitFormulas();
      blocks.push(...(read ?? plainBlocks(segment, ask.firstKey)));
    }
    return blocks;
  }

  #advance(): void {
    if (this.#running) return;
    this.#running = true;
    this.ready = this.#readOn();
  }

  async #readOn(): Promise<void> {
    do await this.#run(this.#edition);
    while (this.#ended || (this.#rest !== "" && this.#rest !== this.#asked));
    this.#running = false;
  }

  async #run(edition: number): Promise<void> {
    while (edition === this.#edition) {
      const pause = await this.#step(edition);
      if (pause === null || edition !== this.#edition) return;
      if (pause > 0) await nextFrame(pause);
    }
  }

  /** Reads on; how long to wait before there can be anything more to draw, or null when there is nothing to read. */
  async #step(edition: number): Promise<number | null> {
    if (!this.#fence) this.#openFence();
    if (this.#fence) return this.#readCode(this.#fence);
    if (this.#ended) return this.#finishRest(edition, this.#ended.open);
    if (this.#rest === "" || this.#rest === this.#asked) return null;
    return this.#readGrowing(edition);
  }

  async #finishRest(edition: number, open: boolean): Promise<null> {
    const blocks = await this.#readWhole(this.#rest, this.#count, open);
    if (edition !== this.#edition) return null;
    this.#rest = "";
    this.#asked = null;
    this.#ended = null;
    this.#goesOn = null;
    this.#count += blocks.length;
    this.#draw(blocks, null);
    return null;
  }

  async #readGrowing(edition: number): Promise<number> {
    const asked = this.#rest;
    const tooLong = asked.length > longestOpenBlock || this.#failures >= failuresAllowed;
    const read = tooLong
      ? undefined
      : await readers.words.do("growing", { text: asked, firstKey: this.#count, goesOn: this.#goesOn });
    if (read?.last?.math || read?.done.some(({ math }) => math)) await awaitFormulas();
    if (edition !== this.#edition) return 0;
    if (read) {
      this.#rest = this.#rest.slice(read.taken);
      this.#asked = asked.slice(read.taken);
      this.#goesOn = read.goesOn;
      this.#count += read.done.length;
      this.#draw(read.done, read.last);
      return 1 + (read.last?.nodes ?? 0) / 20;
    }
    if (!tooLong) this.#failures++;
    this.#goesOn = null;
    const blocks = plainBlocks(asked, this.#count);
    this.#rest = this.#rest.slice(asked.length);
    this.#asked = null;
    this.#count += blocks.length;
    this.#draw(blocks, null);
    return 1;
  }

  #openFence(): void {
    const opened = Fence.open(this.#rest);
    if (!opened) return;
    this.#fence = opened.fence;
    this.#rest = opened.rest;
    this.#asked = null;
  }

  #readCode(fence: Fence): number | null {
    const ended = this.#ended !== null;
    if (!ended && this.#rest === this.#asked) return null;
    if (ended && !this.#rest.endsWith("\n")) this.#rest += "\n"; // completes the last line, so that a closing fence counts
    const { rest, closed } = fence.take(this.#rest);
    this.#rest = rest;
    if (closed || ended) {
      this.#fence = null;
      this.#asked = null;
      if (!closed) this.#ended = null;
      this.#draw([fence.block(this.#count++, "", false)], null);
      return closed ? 0 : null;
    }
    this.#asked = rest;
    const block = fence.block(this.#count, rest, true);
    this.#draw([], block);
    return 1 + block.nodes;
  }

  /** Puts blocks on the page in their turn, and after them the one that is still being written. */
  #draw(blocks: readonly Block[], last: Block | null): void {
    const edition = this.#edition;
    let portion: Block[] = [];
    let cost = last?.nodes ?? 0;
    const flush = (end: boolean) => {
      const some = portion;
      drawSoon(cost, () => {
        if (edition !== this.#edition) return;
        if (some.length > 0) this.finished.value = addToChapters(this.finished.value, some);
        if (end || some.length > 0) this.last.value = end ? last : null;
      });
      portion = [];
      cost = last?.nodes ?? 0;
    };
    for (const block of blocks) {
      portion.push(block);
      cost += block.nodes;
      if (cost > portionNodes) flush(false);
    }
    flush(true);
  }
}

/** The next frame, but not before `ms` have passed. Frames stop in a hidden tab; there the text waits until it is looked at. */
function nextFrame(ms: number): Promise<void> {
  const from = performance.now();
  return new Promise((resolve) => {
    const frame = () => (performance.now() - from >= ms - 8 ? resolve() : void requestAnimationFrame(frame));
    requestAnimationFrame(frame);
  });
}
