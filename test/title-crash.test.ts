// Invariant 1 for titles: kill -9 at any moment of one loses no money, and leaves no session that cannot be named.

import { describe, expect, test } from "bun:test";
import { engines } from "./engines.ts";
import { runTitleKills } from "./title-kill.ts";

describe.each(engines)("invariant 1 on %s", (_name, createDatabase) => {
  test("kill -9 while titles are made: every call that the vendor saw is booked, and the books agree", async () => {
    const result = await runTitleKills(await createDatabase(), 3, 11);
    expect(result.problems).toEqual([]);
    expect(result.calls).toBeGreaterThan(20);
  }, 120_000);
});
