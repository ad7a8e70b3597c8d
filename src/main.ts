// Start and stop: the only file that knows every room.

import { randomInt } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { loadPage } from "../web/build.ts";
import { AuditTally } from "./caller/audit-tally.ts";
import { KeyRing } from "./caller/key-ring.ts";
import { type Config, isDemo, needsKey, openFilesLimit, readProxies } from "./config.ts";
import { Eraser } from "./conversation/eraser.ts";
import { Memories } from "./conversation/memories.ts";
import { openStore } from "./database/open.ts";
import { type App, type AppDeps, createApp, type HttpTimes } from "./http/app.ts";
import { type Listener, listen } from "./http/listen.ts";
import { createLog, type Log, logWritten } from "./log.ts";
import { type Catalogue, createCatalogue } from "./model/model.ts";
import { createPriceBook, mergePriceRows, type PriceBook, parsePriceFile } from "./money/price.ts";
import type { Provider } from "./provider.ts";
import { createProvider, models, prices } from "./providers/index.ts";
import type { Store } from "./store.ts";
import { createBooks } from "./turn/books.ts";
import { createModelChooser } from "./turn/model-choice.ts";
import { Quotes } from "./turn/quote.ts";
import { Titles } from "./turn/title/titles.ts";
import type { TurnTools } from "./turn/tools.ts";
import { Turns } from "./turn/turns.ts";

export interface Server {
  url: string;
  port: number;
  mode: "live" | "demo";
  /** Turns of a process that died, closed at this start. */
  recovered: number;
  /** A key is needed, and there was none at the start: nobody is let in yet. */
  lacksKey: boolean;
  /** Whether the usual model has no price, and so may not answer. */
  lacksPrice: boolean;
  /** The house's parts, for a program that starts a server within itself. */
  store: Store;
  turns: Turns;
  app: App;
  tally: AuditTally;
  eraser: Eraser;
  /** Resolves, with a sentence for the operator, when nothing can be stored any more until the next start. */
  lost: Promise<string>;
  /** How many are open. */
  connections(): number;
  /** What waits in memory for readers. */
  unreadBytes(): number;
  /** No new turns, running ones finish or are interrupted and booked, then everything is closed. */
  stop(): Promise<void>;
}

/** What a program that starts a server within itself may bring; the command line brings nothing. */
export interface Parts {
  log?: Log;
  /** Milliseconds since 1970 UTC, of everything that is stored, priced or expires. */
  now?: () => number;
  page?: AppDeps["page"];
  /** Below 2^31, and another one for each server on one database. */
  processId?: number;
  /** SQLite: the file may not grow beyond this. */
  maxFileBytes?: number;
  /** Of the newest conversations, kept in memory. */
  rememberedBytes?: number;
  times?: Partial<Times>;
}

/** Times that no operator needs to set. */
export interface Times extends HttpTimes {
  /** How long this process's turns are its own without a word from it. */
  leaseMs: number;
  /** Events are written this often; words left by other processes are read this often. */
  tickMs: number;
  /** How often a text reader is told what the turn has cost so far, at most. */
  usageEveryMs: number;
  /** Waits between tries to store a turn's end; undefined: as `turn/close.ts` has them. */
  storeRetryMs: readonly number[] | undefined;
  /** How long a title may take that a model makes. */
  titleMs: number;
  /** How long a stream may take its last event after its turn has ended, at a stop. */
  lastEventMs: number;
  /** What the audit counts is written down this often. */
  tallyMs: number;
  /** The trash is looked through this often; what other processes have purged is forgotten this often. */
  sweepMs: number;
  forgetMs: number;
}

const dayMs = 86_400_000;

const usualTimes: Times = {
  leaseMs: 3_000,
  tickMs: 200,
  usageEveryMs: 1_000,
  storeRetryMs: undefined,
  titleMs: 15_000,
  lastEventMs: 1_000,
  tallyMs: 60_000,
  sweepMs: 600_000,
  forgetMs: 10_000,
};
const packageFile = new URL("../package.json", import.meta.url);
export const version: string = JSON.parse(readFileSync(packageFile, "utf8")).version;

/**
 * Starts the server; it is ready when the promise resolves. Throws with a sentence for the operator. There is no other way
 * to put the house together: a test's server is this one, with a log, a clock or times of its own.
 */
export async function serve(config: Config, parts: Parts = {}): Promise<Server> {
  const { log = createLog(config.logLevel), now = Date.now, processId = randomInt(1, 2 ** 31 - 1) } = parts;
  const times = { ...usualTimes, ...parts.times };
  const catalogue = createCatalogue(models);
  const priceBook = readPrices(config);
  const mode = isDemo(config) ? "demo" : "live";
  const emulator = mode === "demo" ? await startDemo() : undefined;
  const provider = openProvider(config, catalogue, now, emulator?.url);
  const lost = Promise.withResolvers<string>();
  const shared = !config.databaseUrl.startsWith("sqlite:");
  const options = { processId, log, now, maxFileBytes: parts.maxFileBytes, onLost: lost.resolve };
  const store = await openStore(config.databaseUrl, options);
  const memories = new Memories(
    store,
    provider.printTurn,
    parts.rememberedBytes ?? config.rememberedBytes ?? usualMemoryBytes(),
  );
  const tools: TurnTools = {
    store,
    memories,
    provider,
    chooser: createModelChooser(catalogue, config.geminiModel, config.memoryTokens, log, now),
    books: createBooks(provider, priceBook, catalogue, config.allowUnpriced, now),
    log,
    now,
    processId,
    readOnMs: config.stopDrainMs,
    ...times,
  };
  const titles = new Titles(tools, catalogue, { titleMs: times.titleMs, leaseMs: times.leaseMs });
  const turns = new Turns(tools, {
    ...times,
    queueLimit: config.queueLimit,
    shared,
    onFirst: config.titles === "auto" ? (turn) => void titles.follow(turn) : undefined,
  });
  const recovered = await turns.recover();
  await titles.recover();
  turns.begin();
  titles.begin();
  const eraser = new Eraser({
    ...{ store, memories, log, now, shared, times },
    endTurn: (project, turnId) => turns.end(project, turnId),
    trashMs: config.trashDays === 0 ? null : config.trashDays * dayMs,
  });
  eraser.begin();
  const keys = new KeyRing(store, now);
  const tally = new AuditTally(store, now, times.tallyMs);
  const settings = { ...times, ...httpSettings(config), mode, version } as const;
  const app = createApp({
    store,
    turns,
    titles,
    quotes: new Quotes(tools, catalogue),
    acceptsParts: provider.acceptsParts,
    keys,
    tally,
    eraser,
    catalogue,
    prices: priceBook,
    log,
    now,
    page: parts.page ?? loadPage,
    settings,
  });
  const listener = await listen(app, {
    host: config.host,
    port: config.port,
    mostConnections: Math.min(config.maxConnections, connectionsWithin(openFilesLimit())),
    idleMs: config.idleConnectionMs,
    headMs: times.headMs,
    readerDeadlineMs: times.readerDeadlineMs,
    mostBodyBytes: config.maxBodiesBytes,
    mostUnsentBytes: config.maxUnreadBytes,
  });
  const shownHost = config.host.includes(":") ? `[${config.host.replace(/^\[|\]$/g, "")}]` : config.host;
  return {
    url: `http://${shownHost}:${listener.port}`,
    port: listener.port,
    mode,
    recovered,
    lacksPrice: !config.allowUnpriced && !tools.books.findPrice(config.geminiModel, now()),
    lacksKey: needsKey(config) && !(await store.hasKeys(now())),
    store,
    turns,
    app,
    tally,
    eraser,
    lost: lost.promise,
    connections: () => listener.connections,
    unreadBytes: () => listener.unreadBytes,
    async stop() {
      await Promise.all([turns.drain(config.shutdownMs), titles.drain(config.shutdownMs), eraser.stop()]);
      await letReadersGo(listener, times.lastEventMs);
      await keys.close();
      await tally.close();
      await store.close();
      await emulator?.close();
      await logWritten();
    },
  };
}

/** For the newest conversations: a tenth of what this process may use, and no more than pays (docs/decisions/turn-cost.md). */
function usualMemoryBytes(): number {
  const allowed = process.constrainedMemory?.() || Number.POSITIVE_INFINITY; // a container's limit
  return Math.min(64 * 1024 ** 2, Math.floor(Math.min(totalmem(), allowed) / 10));
}

/** What is needed only without a key is loaded only then, as is Postgres' client: a start on SQLite with a key takes a tenth less. */
async function startDemo() {
  const { startEmulator } = await import("../emulator/emulator.ts");
  return startEmulator({ record: false, chunkDelayMs: 15 });
}

/** `demoUrl`: the bundled emulator, which answers in the vendor's place. */
function openProvider(config: Config, catalogue: Catalogue, now: () => number, demoUrl: string | undefined): Provider {
  return createProvider({
    apiKey: config.geminiApiKey ?? "demo",
    baseUrl: demoUrl ?? config.geminiBaseUrl,
    deadlines: { firstByteMs: config.firstByteMs, idleMs: config.idleMs, totalMs: config.totalMs },
    retry: { budgetMs: config.retryBudgetMs, baseDelayMs: config.retryBaseMs },
    findModel: catalogue.find,
    now,
    proxies: demoUrl === undefined ? readProxies() : undefined,
  });
}

function httpSettings(config: Config) {
  return {
    host: config.host,
    defaultModel: config.geminiModel,
    maxBodyBytes: config.maxBodyBytes,
    maxImportBytes: config.maxImportBytes,
    maxTextChars: config.maxTextChars,
    idempotencyMs: config.idempotencyMs,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigins,
    needsKey: needsKey(config),
  };
}

/** Readers that are about to get their last event may have it; whoever does not take it is cut off. */
async function letReadersGo(listener: Listener, lastEventMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, lastEventMs);
  });
  await Promise.race([listener.stop(false), patience]);
  clearTimeout(timer);
  await listener.stop(true);
}

/** A connection may have a call to the vendor behind it; the database and the log need some files, too. */
function connectionsWithin(files: number): number {
  return Math.max(16, Math.floor((files - 128) / 2));
}

/** Some ten thousand rows. */
const largestPricesBytes = 4_000_000;

/** The built-in prices with the operator's over them. Throws with the setting, the file and every mistake in it. */
function readPrices(config: Config): PriceBook {
  const file = config.pricesFile;
  if (file === null) return createPriceBook(prices);
  try {
    if (statSync(file).size > largestPricesBytes) throw new Error(`it has more than ${largestPricesBytes} bytes`);
    const own = parsePriceFile(readFileSync(file, "utf8"));
    const book = createPriceBook(mergePriceRows(prices, own), own);
    const vendors = [...new Set(prices.map(({ vendor }) => vendor))];
    const odd = own.findIndex(({ vendor }) => !vendors.includes(vendor));
    if (odd !== -1)
      throw new Error(`[${odd}].vendor: ${JSON.stringify(own[odd]!.vendor)} is none of ${vendors.join(", ")}`);
    return book;
  } catch (error) {
    throw new Error(`PRICES_FILE ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
