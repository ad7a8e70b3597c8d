// A text that arrives in small pieces and is wanted as one at the end.

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
