// What the HTTP room is given: the house's own parts, and its settings.

import type { AuditTally } from "../caller/audit-tally.ts";
import type { KeyRing } from "../caller/key-ring.ts";
import type { Eraser } from "../conversation/eraser.ts";
import type { Log } from "../log.ts";
import type { Catalogue } from "../model/model.ts";
import type { PriceBook } from "../money/price.ts";
import type { Provider } from "../provider.ts";
import type { Store } from "../store.ts";
import type { Quotes } from "../turn/quote.ts";
import type { Titles } from "../turn/title/titles.ts";
import type { Turns } from "../turn/turns.ts";

/** Times that no operator needs to set. */
export interface HttpTimes {
  /** A body must have arrived in this time. Default 2 min. */
  bodyDeadlineMs?: number;
  /** The head of a request must have arrived in this time. Default 20 s. */
  headMs?: number;
  /** A comment line is sent after so much silence on a stream. Default 15 s. */
  heartbeatMs?: number;
  /** A reader that has not taken what it was sent in this time is dropped. Default 30 s. */
  readerDeadlineMs?: number;
  /** A stream answers after this time at the latest, whether or not there is something to say. Default 1 s. */
  firstByteMs?: number;
}

export interface HttpSettings extends HttpTimes {
  mode: "live" | "demo";
  version: string;
  /** The address we listen on. */
  host: string;
  defaultModel: string;
  maxBodyBytes: number;
  /** Of a session that is imported. */
  maxImportBytes: number;
  maxTextChars: number;
  /** How long an Idempotency-Key is remembered. */
  idempotencyMs: number;
  /** Names by which this server may be called, besides localhost and its addresses; in small letters, with or without a port. */
  allowedHosts: readonly string[];
  /** Whether nobody is let in without a key or token. */
  needsKey: boolean;
  /** Sites whose pages may call with a token. */
  corsOrigins: readonly string[];
}

/** One file of the web page, as it is served. `immutable`: its name changes with its content. */
export interface PageFile {
  type: string;
  body: Uint8Array;
  gzip?: Uint8Array;
  immutable: boolean;
}

export interface AppDeps {
  store: Store;
  turns: Turns;
  quotes: Quotes;
  titles: Titles;
  acceptsParts: Provider["acceptsParts"];
  keys: KeyRing;
  tally: AuditTally;
  eraser: Eraser;
  catalogue: Catalogue;
  prices: PriceBook;
  log: Log;
  /** Milliseconds since 1970 UTC. */
  now(): number;
  settings: HttpSettings;
  /** The page's files by path; `/` is the page itself. Asked for once, when first needed. */
  page(): Promise<Map<string, PageFile>>;
}
