// `rozmova export` and `rozmova import`: everything out of one database and into another, as an operator does it.

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callAs, makeKey } from "./callers.ts";
import { call, newSession, readHistory, type SessionBody, say } from "./client.ts";
import { runCommand } from "./command.ts";
import { startHttp } from "./http-assembly.ts";

test("sessions leave beside a running server and come back into another database, each into its project, once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-transfer-"));
  const [from, to] = ["from.db", "to.db"].map((name) => `sqlite:${join(folder, name)}`) as [string, string];
  const server = await startHttp({ databaseUrl: from });
  try {
    const ids: string[] = [];
    for (const content of ["kryptonite one", "zwei"]) {
      const { id } = await newSession(server.url, { user: content === "zwei" ? "anna" : null });
      await say(server.url, id, { content });
      ids.push(id);
    }
    const shop = await makeKey(server.store, { project: "shop" });
    const ofShop = await callAs<SessionBody>(shop.secret, `${server.url}/sessions`, "POST", {});
    await call(`${server.url}/sessions/${(await newSession(server.url)).id}`, "DELETE");
    const before = await readHistory(server.url, ids[0]!);

    const run = (words: string[], databaseUrl: string) => runCommand(words, folder, { DATABASE_URL: databaseUrl });
    const all = await run(["export"], from);
    expect([all.code, all.stderr.trim()]).toEqual([0, "Exported 3 sessions."]);
    const lines = all.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ session }) => session.id).toSorted()).toEqual([...ids, ofShop.body.id].toSorted());
    const deaf = await runCommand(["export"], folder, { DATABASE_URL: from }, true);
    expect([deaf.code, deaf.stderr]).toEqual([1, expect.stringContaining("has stopped reading")]);
    expect((await run(["export", "--user", "anna"], from)).stdout.trim().split("\n")).toHaveLength(1);
    expect((await run(["export", "--trash"], from)).stdout.trim().split("\n")).toHaveLength(4);
    expect((await run(["export", "--session", ids[0]!, "--out", "one.jsonl"], from)).code).toBe(0);
    expect((await run(["export", "--out", "one.jsonl"], from)).code).toBe(1); // never written over
    expect(JSON.parse(readFileSync(join(folder, "one.jsonl"), "utf8")).session.id).toBe(ids[0]);

    const broken = ["", "no json", '{"object":"session_export","version":9}', `{"a":"${"x".repeat(5_000)}"}`];
    writeFileSync(join(folder, "all.jsonl"), `${broken.join("\n")}\n${all.stdout}`);
    const busy = await run(["import", "all.jsonl"], from);
    expect([busy.code, busy.stdout]).toEqual([1, ""]);
    expect(busy.stderr).toMatch(/another process/i);
    const first = await run(["import", "all.jsonl", "--max-import-bytes", "4000"], to);
    expect(first.code).toBe(1);
    expect(first.stderr).toContain("line 2: is no JSON");
    expect(first.stderr).toContain("line 3: ");
    expect(first.stderr).toContain("line 4: is longer than MAX_IMPORT_BYTES");
    const rest = await run(["import", "all.jsonl"], to);
    expect(rest.stderr).toContain("could not be");
    const again = await run(["import", "one.jsonl"], to);
    expect([again.code, again.stdout]).toEqual([0, ""]);
    expect(again.stderr).toContain("1 were here already");

    const other = await startHttp({ databaseUrl: to });
    try {
      const after = await readHistory(other.url, ids[0]!);
      expect(after.data).toEqual(before.data);
      expect(await other.store.findSession("shop", ofShop.body.id)).toBeDefined();
      const found = await call<{ data: SessionBody[] }>(`${other.url}/sessions?q=kryptonite`, "GET");
      expect(found.body.data.map(({ id }) => id)).toEqual([ids[0]!]);
      expect((await other.store.sumBooks()).entries).toBe(0);
    } finally {
      await other.stop();
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
