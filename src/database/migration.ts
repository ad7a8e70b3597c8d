// What a migration is: a version, and its statements in order, in either engine's words.

import type { Dialect } from "./tx.ts";

export interface Migration {
  version: number;
  statements: (dialect: Dialect) => string[];
}
