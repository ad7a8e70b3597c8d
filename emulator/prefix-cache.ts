// The implicit prompt cache: the longest run of whole messages, from the beginning, that was sent before byte for byte.

import { createHash } from "node:crypto";

/** One piece of a prompt: the head (model, system instruction, tools) or one message. */
export interface Block {
  text: string;
  tokens: number;
}

/** Remembers prefixes by a hash chained over their blocks; the least recently seen ones go first. */
export class PrefixCache {
  readonly #seen = new Set<string>();
  readonly #limit: number;

  constructor(limit = 20_000) {
    this.#limit = limit;
  }

  /** Tokens of the longest prefix seen before, 0 when that is less than `minimum`; then remembers every prefix of this prompt. */
  measure(blocks: readonly Block[], minimum: number): number {
    let hash = "";
    let tokens = 0;
    let cached = 0;
    for (const block of blocks) {
      hash = createHash("sha256").update(hash).update(block.text).digest("base64");
      tokens += block.tokens;
      if (this.#seen.delete(hash)) cached = tokens;
      this.#seen.add(hash);
    }
    this.#evict();
    return cached >= minimum ? cached : 0;
  }

  clear(): void {
    this.#seen.clear();
  }

  #evict(): void {
    for (const oldest of this.#seen) {
      if (this.#seen.size <= this.#limit) return;
      this.#seen.delete(oldest);
    }
  }
}
