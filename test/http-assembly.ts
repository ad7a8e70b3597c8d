// The HTTP room in a test: the real store, turns, adapter and emulator behind it, with settings that the main file does not offer.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { openStore } from "../src/database/open.ts";
import { type App, createApp, type HttpSettings, type PageFile } from "../src/http/app.ts";
import { listen } from "../src/http/listen.ts";
import type { Log } from "../src/log.ts";
import { createCatalogue } from "../src/model/model.ts";
import { createPriceBook } from "../src/money/price.ts";
import { createProvider, models, prices } from "../src/providers/index.ts";
import type { Store } from "../src/store.ts";
import { createBooks } from "../src/turn/books.ts";
import { createModelChooser } from "../src/turn/model-choice.ts";
import { Turns } from "../src/turn/turns.ts";

export const testSettings: HttpSettings = {
  mode: "live",
  version: "0.0.0-test",
  host: "127.0.0.1",
  defaultModel: "gemini-2.5-flash",
  maxBodyBytes: 100_000,
  maxTextChars: 2_000,
  idempotencyMs: 86_400_000,
  requireLoopbackHost: true,
};

export const testPage = new Map<string, PageFile>([
  [
    "/",
    {
      type: "text/html; charset=utf-8",
      body: new TextEncoder().encode("<!doctype html><title>page</title>"),
      immutable: false,
    },
  ],
  [
    "/assets/main-0a1b2c3d.js",
    {
      type: "text/javascript; charset=utf-8",
      body: new TextEncoder().encode("export {};".repeat(100)),
      gzip: Bun.gzipSync("export {};".repeat(100)),
      immutable: true,
    },
  ],
]);

export interface LogLine {
  level: "debug" | "info" | "warn" | "error";
  fields: Record<string, unknown>;
  sentence: string;
}

export interface HttpServer {
  url: string;
  port: number;
  app: App;
  store: Store;
  turns: Turns;
  emulator: Emulator;
  logged: LogLine[];
  stop(): Promise<void>;
}

export interface HttpOptions {
  /** Default: a SQLite file of its own. */
  databaseUrl?: string;
  /** Another one for each server on one database. */
  processId?: number;
  emulator?: Emulator;
  /** Other processes may work on the same database. */
  shared?: boolean;
  settings?: Partial<HttpSettings>;
  queueLimit?: number;
  page?: () => Promise<Map<string, PageFile>>;
  /** How long the vendor may be silent. */
  providerMs?: number;
  /** Waits between tries to store a turn's end. */
  storeRetryMs?: readonly number[];
  /** The database file may not grow beyond this: a full disk. */
  maxFileBytes?: number;
}

export async function startHttp(options: HttpOptions = {}): Promise<HttpServer> {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-http-"));
  const emulator = options.emulator ?? (await startEmulator({ chunkDelayMs: 0 }));
  const logged: LogLine[] = [];
  const write = (level: LogLine["level"]) => (fields: object, sentence: string) => {
    logged.push({ level, fields: fields as Record<string, unknown>, sentence });
  };
  const log: Log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  const catalogue = createCatalogue(models);
  const priceBook = createPriceBook(prices);
  const provider = createProvider({
    apiKey: "test-key-never-shown",
    baseUrl: emulator.url,
    deadlines: { firstByteMs: options.providerMs ?? 300, idleMs: options.providerMs ?? 300, totalMs: 10_000 },
    retry: { budgetMs: 50, baseDelayMs: 1 },
    findModel: catalogue.find,
  });
  const processId = options.processId ?? 4711;
  const store = await openStore(options.databaseUrl ?? `sqlite:${join(folder, "rozmova.db")}`, {
    processId,
    maxFileBytes: options.maxFileBytes,
  });
  const settings = { ...testSettings, ...options.settings };
  const now = Date.now;
  const turns = new Turns(
    {
      store,
      provider,
      chooser: createModelChooser(catalogue, settings.defaultModel, null, log, now),
      books: createBooks(provider, priceBook, false, now),
      log,
      now,
      processId,
      drainMs: 100,
      usageEveryMs: 1_000,
      storeRetryMs: options.storeRetryMs,
    },
    { leaseMs: 15_000, tickMs: 50, queueLimit: options.queueLimit ?? 4, shared: options.shared ?? false },
  );
  turns.begin();
  const app = createApp({
    store,
    turns,
    catalogue,
    prices: priceBook,
    log,
    now,
    page: options.page ?? (async () => testPage),
    settings,
  });
  const listener = await listen(app, { host: "127.0.0.1", port: 0 });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    app,
    store,
    turns,
    emulator,
    logged,
    async stop() {
      await turns.drain(0);
      await listener.stop(true);
      await store.close();
      if (!options.emulator) await emulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
