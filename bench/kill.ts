// The long kill run: two hundred kill -9 under load on each engine; every acknowledged turn must be there after each of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runKills } from "../test/kill-run.ts";
import { createPostgresDatabase } from "../test/postgres.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    engines: { type: "string", default: "sqlite,postgres" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "rozmova-kill-"));
const results: Record<string, unknown> = {};
let problems = 0;
try {
  for (const engine of values.engines.split(",")) {
    const databaseUrl = engine === "postgres" ? await createPostgresDatabase() : `sqlite:${join(folder, "rozmova.db")}`;
    const result = await runKills({
      databaseUrl,
      kills: Number(values.kills),
      seed: Number(values.seed),
      writers: 8,
      onProgress: (line) => console.error(`${engine}: ${line}`),
    });
    results[engine] = result;
    problems += result.problems.length;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(results, null, 1));
process.exit(problems === 0 ? 0 : 1);
