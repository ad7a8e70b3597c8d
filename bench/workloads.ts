// The list of workloads, in the order in which they run and are shown.

import type { Workload } from "./bench.ts";
import { cache } from "./workload/cache.ts";
import { guardedTurn } from "./workload/guarded-turn.ts";
import { jsonTurn } from "./workload/json-turn.ts";
import { large } from "./workload/large.ts";
import { latency } from "./workload/latency.ts";
import { longTurns } from "./workload/long-turn.ts";
import { memory } from "./workload/memory.ts";
import { openStreams } from "./workload/open-streams.ts";
import { postgres } from "./workload/postgres.ts";
import { slowDisk } from "./workload/slow-disk.ts";
import { pacedStream, streamTurn } from "./workload/stream-turn.ts";

export const workloads: readonly Workload[] = [
  jsonTurn,
  guardedTurn,
  streamTurn,
  pacedStream,
  latency,
  openStreams,
  ...longTurns,
  memory,
  large,
  postgres,
  slowDisk,
  cache,
];
