// Everything at once: 64 streams, searches, sessions made and deleted, and backups, and nobody hears of a lock. The long run is bench/soak.ts.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../src/database/open.ts";
import { call, collect, newSession, openStream, readHistory, textOf } from "./client.ts";
import { runCommand } from "./command.ts";
import { engines } from "./engines.ts";
import { startHttp } from "./http-assembly.ts";

describe.each(engines)("on %s", (name, createDatabase) => {
  test("64 streams, searches, deletes and backups at once: every answer is whole, and nothing is locked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rozmova-together-"));
    const databaseUrl = await createDatabase();
    const server = await startHttp({ databaseUrl, providerMs: 10_000 });
    const { url, emulator } = server;
    const words = "everything together at once ".repeat(10);
    emulator.always({ text: words, chunks: 20, delayMs: 10 });
    const sessions = await Promise.all(Array.from({ length: 64 }, async () => (await newSession(url)).id));
    let talking = true;
    const done = { searches: 0, deletes: 0, backups: 0 };
    const beside = async (what: keyof typeof done, once: () => Promise<void>) => {
      for (; talking; done[what]++) await once();
    };
    const speak = async (id: string) => {
      for (let turn = 0; turn < 5; turn++) {
        const events = await collect(await openStream(url, id, { content: `question ${turn}` }));
        expect([events.at(-1)?.data.turn?.status, textOf(events)]).toEqual(["complete", words]);
      }
    };
    const search = async () => expect((await call(`${url}/sessions?q=together&limit=20`, "GET")).status).toBe(200);
    const remove = async () => {
      const { id } = await newSession(url, { title: "not for long" });
      expect((await call(`${url}/sessions/${id}`, "DELETE")).status).toBe(200);
    };
    const copy = async () => {
      const file = join(folder, `copy-${done.backups}.db`);
      const { code, stderr } = await runCommand(["backup", file, "--database-url", databaseUrl], folder);
      expect([code, stderr.match(/locked|busy/i)]).toEqual([0, null]);
    };
    try {
      const others = Promise.all([
        beside("searches", search),
        beside("deletes", remove),
        ...(name === "SQLite" ? [beside("backups", copy)] : []), // Postgres has tools of its own
      ]);
      await Promise.all(sessions.map(speak)).finally(() => {
        talking = false;
      });
      await others;
      expect(done.searches).toBeGreaterThan(10);
      expect(done.deletes).toBeGreaterThan(10);
      if (name === "SQLite") expect(done.backups).toBeGreaterThan(0);
      expect(server.logged.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
      expect(server.logged.filter(({ fields }) => Number(fields.status) >= 400)).toEqual([]);
      for (const id of sessions.slice(0, 8)) expect((await readHistory(url, id)).data.length).toBe(10);
      const books = await server.store.sumBooks();
      expect([books.entries, books.runningTurns]).toEqual([320, 0]);
      expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
      if (name === "SQLite") {
        const last = await openStore(`sqlite:${join(folder, `copy-${done.backups - 1}.db`)}`, { processId: 1 });
        expect((await last.sumBooks()).turnsTotal).toBe((await last.sumBooks()).entriesTotal);
        await last.close();
      }
    } finally {
      talking = false;
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 180_000);
});
