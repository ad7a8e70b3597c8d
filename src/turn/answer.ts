// What has arrived of an answer: its words, as far as they are shown, and the tokens of all that came.

import { TokenTally } from "../money/tokens.ts";
import type { ProviderEvent } from "../provider.ts";

export type WordEvent = Extract<ProviderEvent, { text: string }>;

export class Answer {
  private readonly shown = { "text-delta": new GrowingText(), "thought-delta": new GrowingText() };
  private readonly tally = { "text-delta": new TokenTally(), "thought-delta": new TokenTally() };

  /** Words that are shown, and counted. */
  add(event: WordEvent): void {
    this.shown[event.type].add(event.text);
    this.count(event);
  }

  /** Words that only count: what comes after a stop is in the bill, and nobody sees it. */
  count({ type, text }: WordEvent): void {
    this.tally[type].add(text);
  }

  get text(): string {
    return this.shown["text-delta"].text;
  }

  get thought(): string {
    return this.shown["thought-delta"].text;
  }

  /** In `estimateTokens`' tokens. */
  get estimates(): { textEstimate: number; thoughtEstimate: number } {
    return {
      textEstimate: this.tally["text-delta"].estimate,
      thoughtEstimate: this.tally["thought-delta"].estimate,
    };
  }
}

/** Pieces that are joined at once. `a += b` alone keeps a node for each piece, and the piece itself: some 100 bytes for every delta. */
const piecesAtOnce = 16;

/** Holds little more than its characters, however small the pieces are. */
export class GrowingText {
  private joined = "";
  private pieces: string[] | null = null;

  add(piece: string): void {
    this.pieces ??= [];
    if (this.pieces.push(piece) >= piecesAtOnce) this.join();
  }

  /** All of it so far. */
  get text(): string {
    if (this.pieces !== null) this.join();
    return this.joined;
  }

  private join(): void {
    this.joined += this.pieces!.join("");
    this.pieces = null;
  }
}
