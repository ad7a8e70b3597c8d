// Usage's share of the store, over either engine.

import type { UsageStore } from "../../money/usage-store.ts";
import type { Engine } from "../engine.ts";
import type { Follower } from "./follower.ts";
import { sumUsage } from "./usage.ts";
import { listTurnUsage, listUsage } from "./usage-list.ts";

/** Without a roller, what is behind the mark stays there: for a command, beside a server that adds up. */
export function createUsageStore({ durable }: Engine, roller: Follower | undefined): UsageStore {
  return {
    sumUsage: (query) => sumUsage(durable, query),
    listUsage: (query) => listUsage(durable, query),
    listTurnUsage: (scope, span) => listTurnUsage(durable, scope, span),
    settleUsage: async () => roller?.settle(),
  };
}
