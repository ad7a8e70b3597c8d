// A whole server for a test: the real thing in this process, its own database, and the emulator as its vendor.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, type EmulatorOptions, startEmulator } from "../emulator/emulator.ts";
import { readConfig, type SettingEnv } from "../src/config.ts";
import { noLog } from "../src/log.ts";
import { type Parts, serve } from "../src/main.ts";
import { testClock } from "./clock.ts";

export interface TestServer {
  url: string;
  emulator: Emulator;
  /** Of a SQLite database: its file. */
  databaseFile: string;
  databaseUrl: string;
  /** Stops the server and starts another one on the same database and emulator, with these settings too; the address changes. */
  restart(settings?: Partial<Record<SettingEnv, string>>): Promise<void>;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** Default: a SQLite file of its own. */
  databaseUrl?: string;
  /** Settings by their environment names. */
  settings?: Partial<Record<SettingEnv, string>>;
  emulator?: Emulator;
  emulatorOptions?: EmulatorOptions;
  parts?: Parts;
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-test-"));
  const databaseFile = join(folder, "rozmova.db");
  const databaseUrl = options.databaseUrl ?? `sqlite:${databaseFile}`;
  const emulator =
    options.emulator ?? (await startEmulator({ chunkDelayMs: 0, now: testClock, ...options.emulatorOptions }));
  const env = {
    GEMINI_API_KEY: "test-key",
    GEMINI_BASE_URL: emulator.url,
    PORT: "0",
    DATABASE_URL: databaseUrl,
    ...options.settings,
  };
  const start = (more: Partial<Record<SettingEnv, string>> = {}) =>
    serve(readConfig({ flags: [], env: { ...env, ...more }, dotEnv: null }), {
      log: noLog,
      now: testClock,
      ...options.parts,
    });
  let server = await start();
  return {
    get url() {
      return server.url;
    },
    emulator,
    databaseFile,
    databaseUrl,
    async restart(settings) {
      await server.stop();
      server = await start(settings);
    },
    async stop() {
      await server.stop();
      if (!options.emulator) await emulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
