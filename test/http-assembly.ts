// A whole server whose log, page and inner times a test has in hand: the real thing, with small limits, and the emulator as its vendor.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { readConfig, type SettingEnv } from "../src/config.ts";
import type { PageFile } from "../src/http/app.ts";
import type { Log } from "../src/log.ts";
import { type Parts, type Server, serve } from "../src/main.ts";
import { testClock } from "./clock.ts";

export const testTextChars = 2_000;

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

export interface HttpServer extends Server {
  emulator: Emulator;
  logged: LogLine[];
}

export interface HttpOptions extends Omit<Parts, "log"> {
  /** Default: a SQLite file of its own. */
  databaseUrl?: string;
  emulator?: Emulator;
  /** Settings by their environment names. */
  settings?: Partial<Record<SettingEnv, string>>;
  /** How long the vendor may be silent. */
  providerMs?: number;
}

export async function startHttp(options: HttpOptions = {}): Promise<HttpServer> {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-http-"));
  const emulator = options.emulator ?? (await startEmulator({ chunkDelayMs: 0, now: options.now ?? testClock }));
  const logged: LogLine[] = [];
  const write = (level: LogLine["level"]) => (fields: object, sentence: string) => {
    logged.push({ level, fields: fields as Record<string, unknown>, sentence });
  };
  const log: Log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  const silenceMs = options.providerMs ?? 300;
  const env = {
    GEMINI_API_KEY: "test-key-never-shown",
    GEMINI_BASE_URL: emulator.url,
    PORT: "0",
    DATABASE_URL: options.databaseUrl ?? `sqlite:${join(folder, "rozmova.db")}`,
    MAX_BODY_BYTES: "100000",
    MAX_TEXT_CHARS: String(testTextChars),
    PROVIDER_FIRST_BYTE_MS: String(silenceMs),
    PROVIDER_IDLE_MS: String(silenceMs),
    PROVIDER_TOTAL_MS: String(Math.max(10_000, 2 * silenceMs)),
    PROVIDER_RETRY_BUDGET_MS: "50",
    PROVIDER_RETRY_BASE_MS: "1",
    STOP_DRAIN_MS: "100",
    SHUTDOWN_MS: "0",
    QUEUE_LIMIT: "4",
    ...options.settings,
  };
  const server = await serve(readConfig({ flags: [], env, dotEnv: null }), {
    page: async () => testPage,
    now: testClock,
    ...options,
    log,
    times: { tickMs: 50, lastEventMs: 0, ...options.times },
  });
  return {
    ...server,
    emulator,
    logged,
    async stop() {
      await server.stop();
      if (!options.emulator) await emulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
