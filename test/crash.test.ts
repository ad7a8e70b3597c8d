// Invariant 1: kill -9 at any moment loses no acknowledged message and no money. The long run is bench/kill.ts.

import { describe, expect, test } from "bun:test";
import { engines } from "./engines.ts";
import { runKills } from "./kill-run.ts";

describe.each(engines)("invariant 1 on %s", (_name, createDatabase) => {
  test("kill -9 at random moments under load: everything acknowledged is there, everything is terminal, the books agree", async () => {
    const result = await runKills({ databaseUrl: await createDatabase(), kills: 5, seed: 7, writers: 6 });
    expect(result.problems).toEqual([]);
    expect(result.kills).toBe(5);
    expect(result.acknowledged).toBeGreaterThan(3); // how many there are in a second is the machine's
    expect(result.savedBefore).toBeGreaterThan(0); // and none of these words was lost
  }, 180_000);
});
