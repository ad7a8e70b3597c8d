// What is known of a model: its limits, what it takes, when it retires. Data, in our words.

import type { Params, ThinkingLevel } from "./params.ts";

/** Thinking asked for in tokens; `levels` says how many tokens our words stand for (one that is not there is not taken). Counts are tokens. */
export interface ThinkingBudget {
  kind: "budget";
  min: number;
  max: number;
  canBeOff: boolean;
  offByDefault: boolean;
  levels: Partial<Record<Exclude<ThinkingLevel, "off">, number>>;
}

/** Thinking asked for in words; `wire` is the vendor's word for each of the levels it takes. */
export interface ThinkingByLevel {
  kind: "level";
  levels: ThinkingLevel[];
  wire: Partial<Record<ThinkingLevel, string>>;
  /** Null: not known. */
  default: ThinkingLevel | null;
}

export interface ModelInfo {
  id: string;
  /** Other names by which the vendor serves the same model at the same price. */
  aliases: string[];
  vendor: string;
  displayName: string;
  /** The most tokens a request may have. With `sharedWindow`, input, thinking and output together. */
  inputTokens: number;
  /** The most tokens an answer may have, thinking included. */
  outputTokens: number;
  sharedWindow: boolean;
  /** The shortest beginning of a prompt that the vendor keeps in its cache unasked, in tokens; absent: not known. */
  cachesFrom?: number;
  thinking: ThinkingBudget | ThinkingByLevel | null;
  accepts: (keyof Params)[];
  /** Taken by the vendor without an error, and without an effect. Never refused here, but shown. */
  ignores: (keyof Params)[];
  /** The day (UTC) from which the model is no longer served under its own name; ISO date. */
  retiresOn: string | null;
  successor: string | null;
  warnings: string[];
  source: string;
  readOn: string;
}
