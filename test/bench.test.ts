// The benchmark's own promises: no session has two turns at once, however long one takes, and a goal is said to be reached only when it is.

import { expect, test } from "bun:test";
import { SessionLine } from "../bench/clients.ts";
import { runClosed } from "../bench/load.ts";
import { describeReach, exactly } from "../bench/reach.ts";

test("a session is handed out again only when its turn is over, and all of them take as many turns, give or take one that is slow", async () => {
  const line = new SessionLine(["a", "b", "c", "d", "e"]);
  const running = new Set<string>();
  const turns: Record<string, number> = {};
  const { done, failures } = await runClosed(400, 4, () =>
    line.use(async ({ id, place, turns: before }) => {
      expect([id, running.has(id)]).toEqual(["abcde"[place]!, false]);
      expect(before).toBe(turns[id] ?? 0);
      running.add(id);
      turns[id] = before + 1;
      for (let wait = id === "a" ? 40 : 1; wait > 0; wait--) await Promise.resolve();
      running.delete(id);
    }),
  );
  expect([done, failures]).toEqual([400, []]);
  expect(turns.a).toBeLessThan(60); // handed out by a count, it would have had 80, and met itself
  expect(Math.max(...Object.values(turns)) - Math.min(turns.b!, turns.c!, turns.d!, turns.e!)).toBeLessThan(5);
});

test("without a free session nothing is sent, and a failed turn gives its session back", async () => {
  const line = new SessionLine(["only"]);
  const broken = line.use(async () => {
    await expect(line.use(async () => {})).rejects.toThrow("more turns at once");
    throw new Error("409");
  });
  await expect(broken).rejects.toThrow("409");
  expect(await line.use(async ({ turns }) => turns)).toBe(1);
});

test.each([
  ["json-turn", 0.24, "no", "no"],
  ["json-turn", 0.25, "yes", "no"],
  ["json-turn", 0.34, "yes", "yes"],
  ["stored-bytes", 1_501, "no", "no"],
  ["stored-bytes", 1_500, "yes", "no"],
  ["loaded-rss", 109, "yes", "yes"],
] as const)("%s at %p: at least %s, then %s", (goal, value, least, best) => {
  const row = describeReach({ goal, measured: { ours: exactly(value), before: exactly(1) } }, "before");
  expect([row.least.includes("yes"), row.best.includes("yes")]).toEqual([least === "yes", best === "yes"]);
  expect(row.before).toBe("1.00");
});
