// The way to a new message, printed as the vendor is sent it: it grows at its end, turn by turn, and nothing of it is read, counted
// or printed again.

import { estimateTokens } from "../money/tokens.ts";
import type { PrintTurn } from "../provider.ts";
import type { ExportedTurn } from "./export.ts";

/** A turn that is over, as memory needs it. */
export interface PastTurn
  extends Pick<ExportedTurn, "question" | "answer" | "status" | "finishReason" | "vendorParts" | "modelServed"> {
  /** Its place on the path, from 0. */
  position: number;
}

/** Tokens around each message (role and turn marks); an allowance, corrected by the calibration. */
const messageOverhead = 4;
const betweenQuestions = "\n\n";

/** What `messageTokens` says of a turn's messages, where it has been asked before. */
export interface TurnTokens {
  question: number;
  answer: number;
}

/** High estimate of what a message takes. */
export function messageTokens(text: string): number {
  return withOverhead(estimateTokens(text));
}

/** The same of a text that is `tokens` long. */
export function withOverhead(tokens: number): number {
  return tokens + messageOverhead;
}

export class PrintedPath {
  /** The place of the first turn, and the place after the last one. */
  from: number;
  end: number;
  /** Tokens of all turns. */
  tokens = 0;
  /** Questions that were answered without words: they go in front of the next one. Empty where there are none. */
  waiting = "";
  waitingTokens = 0;
  /** What whoever keeps it counts for it, in bytes; 0: nobody does. */
  countedBytes = 0;
  /** Of them, the first one's place among the turns; else the next turn's. */
  private firstWaiting = 0;
  private readonly print: PrintTurn;
  /** What this model signed is sent back to it; another model is sent the text alone. */
  private model: string;
  private hasSigned = false;
  /**
   * For each turn, tokens, and the number of bytes up to its end. A question that was put in front of another has the weight of both,
   * and the other none, so that no cut goes between them; one that is not sent has none either.
   */
  private weights: number[] = [];
  private ends: number[] = [];
  /** The turns, counted from the first one, that found questions waiting when they were added: none can be parted from the turn before it. */
  private joined: number[] = [];
  private bytes: Buffer = noBytes;
  /** Of them, those of the turns: the rest is room for more. */
  private length = 0;

  constructor(from: number, model: string, print: PrintTurn) {
    this.from = from;
    this.end = from;
    this.model = model;
    this.print = print;
  }

  /** Makes it what this model is sent; false where it cannot be, because another one has signed something. */
  turnTo(model: string): boolean {
    if (!this.hasSigned) this.model = model;
    return model === this.model;
  }

  /**
   * The next turn. A question that was answered without words (stopped before them, cut off, its length eaten by thinking) is kept for
   * the next one, so that the roles alternate. One whose turn failed is left out, because whoever asked asks it again; so is
   * one that the vendor blocked, which would have every message after it blocked.
   */
  add(turn: PastTurn, tokens?: TurnTokens): void {
    this.append([this.note(turn, tokens)]);
  }

  addAll(turns: readonly PastTurn[]): void {
    this.append(turns.map((turn) => this.note(turn)));
  }

  /** Returns the turn as it is sent. */
  private note(turn: PastTurn, tokens?: TurnTokens): string {
    const isRunning = turn.status === "running";
    const isAnswered = turn.answer !== "" && !isRunning;
    const isLeftOut = isRunning || turn.status === "failed" || turn.finishReason === "blocked";
    const weight = tokens?.question ?? messageTokens(turn.question);
    let text = "";
    this.end = turn.position + 1;
    if (this.waiting !== "") this.joined.push(this.weights.length);
    this.weights.push(0);
    if (isAnswered) {
      const parts = turn.modelServed === this.model ? turn.vendorParts : null;
      this.hasSigned ||= turn.vendorParts !== null;
      text = this.print(this.waiting + turn.question, turn.answer, parts);
      const group = this.waitingTokens + weight + (tokens?.answer ?? messageTokens(turn.answer));
      this.weights[this.firstWaiting] = group;
      this.tokens += group;
      this.keep("", 0);
    } else if (!isLeftOut) this.keep(this.waiting + turn.question + betweenQuestions, this.waitingTokens + weight);
    if (this.waiting === "") this.firstWaiting = this.weights.length;
    return text;
  }

  /** How many of the first turns must go so that the rest, with `more` beside it, weighs at most `target`; and what that is before it is weighed. */
  findCut(target: number, more: number, weigh: (raw: number) => number): { first: number; raw: number } {
    let raw = this.tokens + more;
    let first = 0;
    for (; first < this.firstWaiting; first++) {
      const weight = this.weights[first]!;
      if (weight > 0 && weigh(raw) <= target) break;
      raw -= weight;
    }
    return { first, raw };
  }

  /** All turns but the first ones, as they are sent. The bytes stay what they are, whatever is added. */
  printFrom(first: number): Uint8Array {
    return this.bytes.subarray(first === 0 ? 0 : this.ends[first - 1], this.length);
  }

  /** How many of the turns after the first ones are sent. */
  countFrom(first: number): number {
    return this.weights.slice(first).filter((weight) => weight > 0).length;
  }

  /** Whether a cut before this place parts nothing that is printed as one. */
  canCutBefore(position: number): boolean {
    return position <= this.from || position >= this.end || !this.joined.includes(position - this.from);
  }

  /** Forgets all that stands before a place, which may be past all it knows: another process has gone on, and has forgotten more. */
  cutBefore(position: number): void {
    const count = Math.max(0, position - this.from);
    if (position >= this.end) this.beginAt(position);
    else if (count > 0) this.forgetFirst(count);
  }

  private forgetFirst(count: number): void {
    const start = this.ends[count - 1]!;
    this.move(start, this.length - start);
    this.ends = this.ends.slice(count).map((end) => end - start);
    for (const weight of this.weights.splice(0, count)) this.tokens -= weight;
    this.joined = this.joined.filter((turn) => turn >= count).map((turn) => turn - count);
    this.from += count;
    this.firstWaiting = Math.max(0, this.firstWaiting - count);
  }

  /** What it holds of the process's memory, in bytes. */
  get heldBytes(): number {
    return this.bytes.length + this.weights.length * 16 + this.joined.length * 8 + this.waiting.length * 2;
  }

  private beginAt(position: number): void {
    this.from = position;
    this.end = position;
    this.tokens = 0;
    this.hasSigned = false;
    this.weights = [];
    this.ends = [];
    this.joined = [];
    this.firstWaiting = 0;
    this.bytes = noBytes;
    this.length = 0;
    this.keep("", 0);
  }

  private keep(waiting: string, tokens: number): void {
    this.waiting = waiting;
    this.waitingTokens = tokens;
  }

  /** Room is made once. */
  private append(texts: readonly string[]): void {
    let end = this.length;
    for (const text of texts) end += Buffer.byteLength(text);
    if (end > this.bytes.length) this.move(0, end);
    for (const text of texts) {
      this.length += this.bytes.write(text, this.length);
      this.ends.push(this.length);
    }
  }

  /** All from `start` on, to where there is room for so many bytes. */
  private move(start: number, room: number): void {
    const { bytes } = this;
    this.bytes = allocate(room);
    this.length = bytes.copy(this.bytes, 0, start, this.length);
  }
}

const noBytes = Buffer.alloc(0);
/** Some turns more: what is not written to yet is hardly held. */
const spareBytes = 2048;

/** Room for so many bytes and the spare ones, up to the next quarter of a power of two: the allocator gives no less (mimalloc's `mi_bin`, four sizes to a doubling, read 2026-11-27). */
function allocate(bytes: number): Buffer {
  const needed = bytes + spareBytes;
  const step = 2 ** (Math.floor(Math.log2(needed)) - 2);
  return Buffer.allocUnsafeSlow(Math.ceil(needed / step) * step);
}
