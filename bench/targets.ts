// What is measured, each in a process of its own: the emulator alone, the floor, ours, and ours again under another name.

import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Checkout } from "./checkout.ts";
import { bun, type Child, root, startChild } from "./child.ts";
import { type CallUsage, model } from "./conversation.ts";

/** A stand-in for the vendor, with its own count of calls. */
export interface Vendor extends Child {
  /** From now on every call is answered like this. */
  answer(scenario: Record<string, unknown>): Promise<void>;
  countCalls(): Promise<number>;
  /** What an answer to one call says it used. The call itself is counted too. */
  readUsage(body: BodyInit): Promise<CallUsage>;
}

/** What `npm start` sets for the runtime. */
const runtimeEnv: Record<string, string> = JSON.parse(readFileSync(join(root, "bin", "runtime-env.json"), "utf8"));

export const streamPath = `/v1beta/models/${model}:streamGenerateContent?alt=sse`;

export async function startVendor(folder: string): Promise<Vendor> {
  const child = await startChild({ command: [bun, join(root, "bench", "emulator-process.ts")], folder });
  return {
    ...child,
    async answer(scenario) {
      const body = JSON.stringify(scenario);
      const response = await fetch(`${child.url}/emulator/always`, { method: "POST", body });
      if (!response.ok) throw new Error(`the emulator refused a scenario: ${await response.text()}`);
    },
    async countCalls() {
      const response = await fetch(`${child.url}/emulator/calls`);
      return ((await response.json()) as { callCount: number }).callCount;
    },
    async readUsage(body) {
      const headers = { "content-type": "application/json", "x-goog-api-key": "bench" };
      const response = await fetch(child.url + streamPath, { method: "POST", headers, body });
      const last =
        (await response.text())
          .trim()
          .split(/\r?\n\r?\n/)
          .at(-1) ?? "";
      return JSON.parse(last.replace(/^data: /, "")).usageMetadata;
    },
  };
}

/** With the same settings of the runtime as ours has. */
export function startFloor(folder: string, vendorUrl: string, flags: string[] = []): Promise<Child> {
  return startChild({ command: [bun, ...flags, join(root, "bench", "floor.ts"), vendorUrl], folder, env: runtimeEnv });
}

export interface OursOptions {
  /** Default: this one. */
  checkout?: Pick<Checkout, "root" | "runtimeEnv"> | undefined;
  folder: string;
  vendorUrl: string;
  databaseUrl: string;
  /** Of Bun itself, e.g. for a profile. */
  bunFlags?: string[] | undefined;
  env?: Record<string, string> | undefined;
}

/** The server as `npm start` runs it, with its own settings but for where the vendor and the database are. */
export function startOurs(options: OursOptions): Promise<Child> {
  const checkout = options.checkout ?? { root, runtimeEnv };
  return startChild({
    command: [bun, ...(options.bunFlags ?? []), join(checkout.root, "src", "cli.ts"), "serve"],
    folder: options.folder,
    env: {
      ...checkout.runtimeEnv,
      GEMINI_API_KEY: "bench",
      GEMINI_BASE_URL: options.vendorUrl,
      GEMINI_MODEL: model,
      DATABASE_URL: options.databaseUrl,
      PORT: "0",
      ...options.env,
    },
  });
}

/** A folder of its own under the run's folder. */
export function makeFolder(under: string, name: string): string {
  const folder = join(under, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Bytes of the pages that a closed SQLite database uses. */
export function countLiveBytes(file: string): number {
  const database = new DatabaseSync(file);
  try {
    const read = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return (read("page_count") - read("freelist_count")) * read("page_size");
  } finally {
    database.close();
  }
}

/** A copy of a closed SQLite database for another target. */
export function copyDatabase(file: string, folder: string): string {
  const copy = join(folder, "rozmova.db");
  copyFileSync(file, copy);
  return copy;
}
