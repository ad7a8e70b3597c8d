// Readers that leave in the middle of a silence: nothing waits, asks or listens for them any more.

import { expect, test } from "bun:test";
import pg from "pg";
import { eventually, newSession, readHistory, readTurn, say } from "./client.ts";
import { postgresEngine } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const silence = { fault: "stall", text: "three words, then silence", chunks: 6, after: 3 } as const;
const key = { "idempotency-key": "the same for everybody" };

/** A turn whose vendor has fallen silent, and which everybody may join by its key; its own caller waits for JSON. */
async function beginSilence(server: HttpServer) {
  server.emulator.play(silence);
  const { id: sessionId } = await newSession(server.url);
  void say(server.url, sessionId, { content: "hi" }, key).catch(() => {});
  const { session } = await eventually(
    () => readHistory(server.url, sessionId),
    ({ session }) => session.running_turn_id !== null,
  );
  return { sessionId, turnId: session.running_turn_id! };
}

/** Opens `count` readers of a turn and waits until each has what there is. */
async function openReaders(url: string, turnId: string, count: number, signal: AbortSignal): Promise<void> {
  const open = async () => {
    const response = await fetch(`${url}/turns/${turnId}/events`, { signal });
    const reader = response.body!.getReader();
    for (let text = ""; !text.includes("id: 4\n"); ) text += new TextDecoder().decode((await reader.read()).value);
  };
  await Promise.all(Array.from({ length: count }, open));
}

test("of 200 readers of a turn that runs here, none waits once they have left", async () => {
  const server = await startHttp({ providerMs: 30_000 });
  try {
    const { turnId } = await beginSilence(server);
    for (let round = 0; round < 2; round++) {
      const abort = new AbortController();
      await openReaders(server.url, turnId, 200, abort.signal);
      await eventually(
        async () => server.turns.waitingReaders,
        (waiting) => waiting === 200,
      );
      abort.abort();
      await eventually(
        async () => [server.turns.waitingReaders, server.app.openStreams],
        ([waiting, open]) => waiting === 0 && open === 0,
      );
    }
    expect((await readTurn(server.url, turnId)).status).toBe("running");
  } finally {
    await server.stop();
  }
});

test("of 200 readers of a turn that runs elsewhere, none asks the database once they have left", async () => {
  const databaseUrl = await postgresEngine.createDatabase();
  const here = await startHttp({ databaseUrl, processId: 1, providerMs: 30_000 });
  const there = await startHttp({
    databaseUrl: `${databaseUrl}&application_name=there`,
    processId: 2,
    emulator: here.emulator,
  });
  const guard = new pg.Client({ connectionString: databaseUrl });
  await guard.connect();
  /** While nobody may read the turns, whoever wants to is seen waiting for them. */
  const countAsking = async (until: (asking: number) => boolean, withinMs: number) => {
    await guard.query("BEGIN; LOCK TABLE turn IN ACCESS EXCLUSIVE MODE");
    const asking =
      "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'there' AND wait_event_type = 'Lock'";
    let most = 0;
    for (const giveUp = Date.now() + withinMs; Date.now() < giveUp && !until(most); ) {
      await guard.query("SELECT pg_stat_clear_snapshot()");
      most = Math.max(most, Number((await guard.query(asking)).rows[0].n));
    }
    await guard.query("ROLLBACK");
    return most;
  };
  try {
    const { sessionId, turnId } = await beginSilence(here);
    const abort = new AbortController();
    const whole = Array.from({ length: 100 }, () =>
      fetch(`${there.url}/sessions/${sessionId}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json", ...key },
        body: JSON.stringify({ content: "hi" }),
        signal: abort.signal,
      }).catch(({ name }: Error) => name),
    );
    await openReaders(there.url, turnId, 100, abort.signal);
    expect(await countAsking((asking) => asking > 0, 5_000)).toBeGreaterThan(0);
    abort.abort();
    for (const ended of await Promise.all(whole)) expect(ended).toBe("AbortError");
    await eventually(
      async () => [there.app.openStreams, there.logged.filter(({ fields }) => fields.status === 400).length],
      ([open, refused]) => open === 0 && refused === 100,
    );
    // What was asked before they left is still answered; then nobody asks in ten times as long as a reader pauses.
    await eventually(
      () => countAsking((asking) => asking > 0, 500),
      (asking) => asking === 0,
    );
    expect((await readTurn(there.url, turnId)).status).toBe("running");
  } finally {
    await guard.end();
    await there.stop();
    await here.stop();
  }
});
