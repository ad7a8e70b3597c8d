// `rozmova doctor`: looks for what is wrong and says what to do. Changes nothing.

import { type Config, ConfigError, loadConfig } from "../config.ts";
import { checkCallers, checkDatabase, checkDisk } from "./doctor-database.ts";
import { checkDotEnv, checkPrivacy, findStrays } from "./doctor-files.ts";
import { checkClock, checkDoor, checkKey, checkPort, checkVendor } from "./doctor-network.ts";
import { type Finding, note, ok, printFinding, wrong } from "./finding.ts";

/** Prints a finding per line on stdout. Throws when something is wrong, so that the exit status says it. */
export async function runDoctor(flags: string[]): Promise<void> {
  let problems = 0;
  for await (const finding of examine(flags)) {
    console.log(printFinding(finding));
    if (finding.state === "wrong") problems++;
  }
  if (problems > 0) throw new Error(problems === 1 ? "One thing is wrong." : `${problems} things are wrong.`);
  console.error("Nothing is wrong.");
}

async function* examine(flags: string[]): AsyncGenerator<Finding> {
  const { config, finding } = readSettings(flags);
  yield finding;
  if (!config) return;
  yield checkKey(config);
  const answer = checkVendor(config);
  yield checkDoor(config);
  yield checkDotEnv();
  yield checkPrivacy(config);
  yield checkDisk(config);
  yield await checkDatabase(config);
  const callers = await checkCallers(config);
  if (callers) yield callers;
  yield await checkPort(config);
  yield await answer;
  yield await checkClock(config, Date.now());
}

function readSettings(flags: string[]): { config?: Config; finding: Finding } {
  try {
    const config = loadConfig(flags);
    const strays = findStrays();
    if (strays.length === 0) return { config, finding: ok("settings", "every value can be read") };
    return { config, finding: note("settings", `.env has ${strays.join(", ")}, which no setting is named`) };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    return { finding: wrong("settings", cause.message, "correct them; nothing else was looked at") };
  }
}
