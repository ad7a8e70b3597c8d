// The long race for budgets: four hundred turns at once in each round, on SQLite, and on Postgres with two and with four processes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runBudgetRace } from "../test/budget-race.ts";
import { createPostgresDatabase } from "../test/postgres.ts";

const { values } = parseArgs({
  options: {
    turns: { type: "string", default: "400" },
    kills: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "sqlite:1,postgres:2,postgres:4" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "rozmova-budget-"));
const results: Record<string, unknown> = {};
let problems = 0;
try {
  for (const run of values.runs.split(",")) {
    const [engine, processes] = run.split(":");
    const databaseUrl = engine === "postgres" ? await createPostgresDatabase() : `sqlite:${join(folder, "rozmova.db")}`;
    const result = await runBudgetRace({
      databaseUrl,
      processes: Number(processes),
      turns: Number(values.turns),
      kills: Number(values.kills),
      seed: Number(values.seed),
      onProgress: (line) => console.error(`${run}: ${line}`),
    });
    results[run] = result;
    problems += result.problems.length;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(results, null, 2));
process.exit(problems === 0 ? 0 : 1);
