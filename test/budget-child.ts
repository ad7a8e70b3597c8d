// A server in a process of its own whose clock another process sets: CLOCK_FILE holds what is added to the machine's, in ms.

import { readFileSync } from "node:fs";
import { readConfig } from "../src/config.ts";
import { noLog } from "../src/log.ts";
import { serve } from "../src/main.ts";

const clockFile = process.env.CLOCK_FILE!;
const readStep = () => Number(readFileSync(clockFile, "utf8"));
let step = readStep();
setInterval(() => {
  step = readStep();
}, 20);

const server = await serve(readConfig({ flags: [], env: process.env, dotEnv: null }), {
  log: noLog,
  now: () => Date.now() + step,
});
console.error(`listens on ${server.url}`);
