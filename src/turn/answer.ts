// What has arrived of an answer: its words, as far as they are shown, and the tokens of all that came.

import { countThirds, fromThirds } from "../money/tokens.ts";
import type { ProviderEvent } from "../provider.ts";

export type WordEvent = Extract<ProviderEvent, { text: string }>;

export class Answer {
  readonly words = new CountedText();
  readonly thoughts = new CountedText();

  /** Words that are shown, and counted. */
  add({ type, text }: WordEvent): void {
    this.ofKind(type).add(text);
  }

  /** Words that only count: what comes after a stop is in the bill, and nobody sees it. */
  count({ type, text }: WordEvent): void {
    this.ofKind(type).count(text);
  }

  private ofKind(type: WordEvent["type"]): CountedText {
    return type === "text-delta" ? this.words : this.thoughts;
  }
}

/** Characters that are joined at once. `a += b` alone keeps a node for each piece, and the piece itself, with the read it was cut from. */
const charactersAtOnce = 128;

/** Holds little more than its characters, however small the pieces are. Each is counted once, however often the sum is asked for. */
export class CountedText {
  private joined = "";
  private pieces = "";
  private thirds = 0;

  add(piece: string): void {
    this.pieces += piece;
    if (this.pieces.length >= charactersAtOnce) this.join();
  }

  /** The piece is in the estimate, and not in the text. */
  count(piece: string): void {
    this.thirds += countThirds(piece);
  }

  /** All that was added so far. */
  get text(): string {
    this.join();
    return this.joined;
  }

  /** Of all that was added or counted, in `estimateTokens`' tokens. */
  get estimate(): number {
    this.join();
    return fromThirds(this.thirds);
  }

  /** A string that is read is one from then on: nothing is left of its pieces. */
  private join(): void {
    if (this.pieces === "") return;
    this.count(this.pieces);
    this.joined += this.pieces;
    this.pieces = "";
  }
}
