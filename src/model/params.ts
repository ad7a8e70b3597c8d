// What a caller may ask of the model, in our own words; adapters translate, the catalogue says who takes what.

export type Thinking = "off" | "low" | "medium" | "high" | number;

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

/** The message's own params win over the session's, name by name. */
export function mergeParams(session: Params, message: Params | undefined): Params {
  return message ? { ...session, ...message } : session;
}
