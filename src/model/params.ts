// What a caller may ask of the model, in our own words; adapters translate, the catalogue says who takes what.

/** From the least to the most. */
export const thinkingLevels = ["off", "minimal", "low", "medium", "high", "xhigh"] as const;
export type ThinkingLevel = (typeof thinkingLevels)[number];

/** In a word, or in tokens. */
export type Thinking = ThinkingLevel | number;

/** All optional; absent means the model's own default. Unknown names never get this far (422). */
export interface Params {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  /** Includes thinking tokens. */
  max_output_tokens?: number;
  stop?: string[];
  seed?: number;
  thinking?: Thinking;
  /** A JSON Schema the answer must follow. */
  response_schema?: Record<string, unknown>;
}

/** All names, for a model that takes everything. */
export const everyParam: (keyof Params)[] = [
  "temperature",
  "top_p",
  "top_k",
  "max_output_tokens",
  "stop",
  "seed",
  "thinking",
  "response_schema",
];

/** The message's own params win over the session's, name by name. */
export function mergeParams(session: Params, message: Params | undefined): Params {
  return message ? { ...session, ...message } : session;
}
