// What the demo answer can speak of, and the sentences that a language has for it.

/** What the answer can speak of. */
export interface Facts {
  /** Messages before the last one. */
  earlier: number;
  /** The first thing the user said, shortened. */
  first: string;
  /** The newest message, shortened. */
  last: string;
  words: number;
  characters: number;
  lastTokens: number;
  promptTokens: number;
  system: string | null;
}

/** The sentences of one language; each returns Markdown. */
export interface Phrases {
  notice: string;
  openers: readonly string[];
  conversation(facts: Facts): string;
  system(text: string): string;
  list: readonly (readonly string[])[];
  listTitle: string;
  tableHead: readonly [string, string];
  tableRows(facts: Facts): [string, string | number][];
  wideTable: string;
  code: string;
  longCode: string;
  paragraphs: readonly string[];
  thoughts(facts: Facts): string;
}
