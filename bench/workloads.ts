// The list of workloads, in the order in which they run and are shown.

import type { Workload } from "./bench.ts";
import { cache } from "./workload/cache.ts";
import { jsonTurn } from "./workload/json-turn.ts";
import { latency } from "./workload/latency.ts";
import { streamTurn } from "./workload/stream-turn.ts";

export const workloads: readonly Workload[] = [jsonTurn, streamTurn, latency, cache];
