// What we need of a logger; main.ts brings the real one.

/** Structured logging: fields first, then one sentence. Never pass a key, a header or a message's text. */
export interface Log {
  debug(fields: object, sentence: string): void;
  info(fields: object, sentence: string): void;
  warn(fields: object, sentence: string): void;
  error(fields: object, sentence: string): void;
}

/** For tests and tools that want silence. */
export const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
