// How many tokens a text will be, guessed from the text alone: on the high side, by whole numbers, fast.

/**
 * A high estimate of a text's tokens. The rule: its UTF-8 bytes / 3, rounded up (so a Chinese, Japanese or Korean
 * character, three bytes, is one token); a decimal digit is a whole token, because the vendor's tokenizer splits numbers
 * into digits (Gemma 3 report, section 2: "split digits"); a character outside the basic plane (emoji, rare ideographs)
 * is two. Real English text has about 4 bytes to a token, so this is about a third above it. Never less than 0.
 */
export function estimateTokens(text: string): number {
  return fromThirds(countThirds(text));
}

/**
 * The same in thirds of a token, not rounded yet: those of a text's pieces are those of the text, wherever it is cut, also within a
 * surrogate pair. By natives, because a loop over the characters takes several times as long.
 */
export function countThirds(text: string): number {
  return Buffer.byteLength(text) + 2 * (text.length - text.replace(dearer, "").length);
}

export function fromThirds(thirds: number): number {
  return Math.ceil(thirds / 3);
}

/** Units that are two thirds more than their bytes: digits, and one of each surrogate pair, which is four bytes and two tokens. */
const dearer = /[0-9]+|[\ud800-\udbff](?=[\udc00-\udfff])/g;

/**
 * A low estimate, from the high one: a text has at least this many tokens, unless it is made to be unusual. A third of
 * `estimateTokens`, rounded up: 9 bytes, or 3 ideographs, to a token, which ordinary text of no script reaches on average.
 */
export function leastTokens(estimate: number): number {
  return Math.ceil(estimate / 3);
}
