// The long form of test/line-fuzz.test.ts: `npx bun bench/fuzz.ts [--runs 50000] [--seed 1]`, with test/node_modules installed.

import { parseArgs } from "node:util";
import { startHttp } from "../test/http-assembly.ts";
import { checkBytes, rawBytes, spoiledRequests } from "../test/line-fuzz.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "50000" }, seed: { type: "string", default: "1" } },
});
const server = await startHttp({ times: { headMs: 300, bodyDeadlineMs: 300 } });
const met = new Map<string, number>();
const began = performance.now();
const onStatuses = (statuses: readonly number[]) => {
  for (const status of statuses.length === 0 ? ["cut off"] : statuses)
    met.set(String(status), (met.get(String(status)) ?? 0) + 1);
};
const options = { runs: Number(values.runs) / 2, seed: Number(values.seed), onStatuses };
for (const bytes of [rawBytes, spoiledRequests]) await checkBytes(server.port, bytes, options);
const errors = server.logged.filter(({ level }) => level === "error").length;
console.log(
  JSON.stringify({
    runs: Number(values.runs),
    seconds: Math.round((performance.now() - began) / 1000),
    statuses: Object.fromEntries([...met].sort()),
    errorsLogged: errors,
    connectionsLeft: server.connections(),
  }),
);
await server.stop();
process.exit(errors === 0 ? 0 : 1);
