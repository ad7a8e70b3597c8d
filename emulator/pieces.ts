// Cuts an answer into the pieces that its events carry.

/** Groups of one to three words with the space behind them: how an answer reads when it streams. */
export function wordPieces(text: string): string[] {
  const words = text.match(/\s*\S+\s*?(?=\s|$)|\s+$/g) ?? [];
  const pieces: string[] = [];
  for (let at = 0, size = 1; at < words.length; at += size, size = (size % 3) + 1) {
    pieces.push(words.slice(at, at + size).join(""));
  }
  return pieces;
}

/** At most `count` pieces of nearly equal length, never cut inside a character. */
export function cutPieces(text: string, count: number): string[] {
  const characters = Array.from(text);
  const wanted = Math.max(1, Math.min(Math.floor(count), characters.length));
  const pieces: string[] = [];
  for (let index = 0; index < wanted; index += 1) {
    const start = Math.floor((index * characters.length) / wanted);
    const end = Math.floor(((index + 1) * characters.length) / wanted);
    pieces.push(characters.slice(start, end).join(""));
  }
  return pieces;
}

/** Text for load: `count` numbered words of exactly `size` characters each. */
export function filler(count: number, size: number): string {
  const width = Math.max(1, Math.floor(size));
  let text = "";
  for (let index = 0; index < count; index += 1) {
    text +=
      width === 1
        ? String(index % 10)
        : `${String(index)
            .padStart(width - 1, "w")
            .slice(1 - width)} `;
  }
  return text;
}
