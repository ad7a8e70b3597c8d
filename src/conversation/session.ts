// A session: one dialogue, its settings and its running totals.

import type { Params } from "../model/params.ts";
import type { Cost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";

export type Metadata = Record<string, string | number | boolean | null>;

/** When a session came from a file, and what its turns had cost before: it is in the session's cost, and no spend of this server. */
export interface ImportedPart {
  at: number;
  cost: Cost;
}

export interface Session {
  id: string;
  /** Null until given, or until the first message names it. */
  title: string | null;
  /** Null: each turn uses the server's default model of its day. */
  model: string | null;
  system: string | null;
  params: Params;
  metadata: Metadata;
  /** The caller's own name for whoever talks here; null: nobody's. */
  user: string | null;
  /** Kept at the top by whoever reads the list. */
  pinned: boolean;
  messageCount: number;
  createdAt: number;
  updatedAt: number;
  /** When its newest message was sent; until then, when it was made. The list's order. */
  activeAt: number;
  deletedAt: number | null;
  runningTurnId: string | null;
  usage: Usage;
  cost: Cost;
  /** What came with it from a file; null: it was begun here. */
  imported: ImportedPart | null;
  /** Grows by one with every change; the `ETag`. */
  version: number;
}

const titleLength = 60;

/**
 * A session's title from its first message: the first line, cut at a word, without a model call. Three dots, not "…": one character beyond
 * Latin-1 has the runtime print the whole answer it stands in twice (6 of 445 us of a turn whose other texts are Latin).
 */
export function titleFrom(text: string): string | null {
  const line = text.trim().split(/\s*\n/, 1)[0]?.replace(/\s+/g, " ") ?? "";
  const characters = [...line];
  if (characters.length <= titleLength) return line === "" ? null : line;
  const cut = characters.slice(0, titleLength).join("");
  const lastSpace = cut.lastIndexOf(" ");
  return `${lastSpace > titleLength / 2 ? cut.slice(0, lastSpace) : cut}...`;
}
