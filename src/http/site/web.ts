// The page: its files as they were built, found by path.

import type { AppDeps, PageFile } from "../deps.ts";

export interface Web {
  /** The file at a path; undefined when the page has none there. Throws Error when the page cannot be loaded at all. */
  find(path: string): Promise<PageFile | undefined>;
}

/** Under `npm run dev` the page is built anew for whoever loads it: its files are not among those that start the server again. */
const isWatched = process.execArgv.includes("--watch");

/** Loads the page when it is first asked for, and again if that failed. */
export function createWeb({ page }: Pick<AppDeps, "page">): Web {
  let loading: Promise<Map<string, PageFile>> | undefined;
  return {
    async find(path) {
      if (path !== "/" && !path.includes(".")) return undefined; // no file of a page: do not load it for that
      if (isWatched && path === "/") loading = undefined;
      loading ??= page();
      try {
        return (await loading).get(path);
      } catch (cause) {
        loading = undefined;
        if (path === "/") throw cause;
        return undefined;
      }
    },
  };
}
