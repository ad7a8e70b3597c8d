// A checkout of the project that is measured: this one, or another beside it, whose own code fills and reads its own database.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { readAccount } from "./books.ts";
import { root } from "./child.ts";
import type { prefill } from "./prefill.ts";

export interface Checkout {
  /** How its target is called: `ours`, or `before` for the other one. */
  name: string;
  root: string;
  /** What `npm start` sets for the runtime. */
  runtimeEnv: Record<string, string>;
  prefill: typeof prefill;
  readAccount: typeof readAccount;
}

export const ourName = "ours";
export const otherName = "before";

/** Throws when the folder is no checkout, or is not installed. */
export async function loadCheckout(name: string, folder: string): Promise<Checkout> {
  const at = resolve(folder);
  if (!existsSync(join(at, "node_modules"))) throw new Error(`${at} has no node_modules: run npm ci there`);
  const [filling, reading] = await Promise.all(
    ["prefill.ts", "books.ts"].map((file) => import(join(at, "bench", file))),
  );
  const runtimeEnv = JSON.parse(readFileSync(join(at, "bin", "runtime-env.json"), "utf8"));
  return { name, root: at, runtimeEnv, prefill: filling.prefill, readAccount: reading.readAccount };
}

/** This checkout, and the other one where there is one. */
export function loadCheckouts(against: string | undefined): Promise<Checkout[]> {
  const ours = loadCheckout(ourName, root);
  return Promise.all(against === undefined ? [ours] : [ours, loadCheckout(otherName, against)]);
}

/** Lines of what is in `src`, without the adapters of vendors and the wires of clients. */
export function countLines({ root: folder }: Pick<Checkout, "root">): number {
  const count = (path: string): number =>
    readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
      if (entry.isDirectory()) return sum + count(join(path, entry.name));
      return sum + readFileSync(join(path, entry.name), "utf8").split("\n").length - 1;
    }, 0);
  const src = join(folder, "src");
  return count(src) - count(join(src, "providers")) - count(join(src, "http"));
}
