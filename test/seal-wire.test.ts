// The newest seal over HTTP: whom it is shown to, what each may know of it, and that it is worth something kept elsewhere.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callAs, type MadeKey, makeKey } from "./callers.ts";
import type { ReceiptBody, SessionBody, TurnBody } from "./client.ts";
import { runCommand } from "./command.ts";
import { createSqliteFile, engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { openTestStore } from "./stores.ts";
import { alter, keepBooks } from "./verify-books.ts";

interface SealBody {
  sealed_at: string | null;
  entries: number;
  last_entry_id: string | null;
  hash: string;
  code?: string;
}

const folder = mkdtempSync(join(tmpdir(), "rozmova-seal-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(engines)("GET /ledger/seal on %s", (_, createDatabase) => {
  let server: HttpServer;
  let [operator, admin, stranger, narrow, chatter]: MadeKey[] = [];
  beforeAll(async () => {
    server = await startHttp({ databaseUrl: await createDatabase(), settings: { REQUIRE_KEY: "yes" } });
    const { store } = server;
    operator = await makeKey(store, { scopes: ["operator"] });
    admin = await makeKey(store, { project: "shop", scopes: ["chat", "read", "admin"] });
    stranger = await makeKey(store, { project: "mill", scopes: ["chat", "read", "admin"] });
    narrow = await makeKey(store, { project: "shop", scopes: ["chat", "read", "admin"], user: "olena" });
    chatter = await makeKey(store, { project: "shop" });
  });
  afterAll(() => server.stop());
  const read = async (key: MadeKey | undefined) => callAs<SealBody>(key!.secret, `${server.url}/ledger/seal`);
  const say = async (key: MadeKey | undefined) => {
    const { body: session } = await callAs<SessionBody>(key!.secret, `${server.url}/sessions`, "POST", {});
    const path = `${server.url}/sessions/${session.id}/messages`;
    const { body } = await callAs<{ turn: TurnBody }>(key!.secret, path, "POST", { content: "hi" });
    return body.turn.id;
  };

  test("there is a beginning before anything is sealed", async () => {
    const { status, body } = await read(operator);
    expect(status).toBe(200);
    expect(body).toEqual({ sealed_at: null, entries: 0, last_entry_id: null, hash: "0".repeat(64) });
  });

  test("what was booked before is in it; each admin knows how much is theirs, an operator how much there is", async () => {
    const own = [await say(admin), await say(admin)];
    const other = await say(stranger);
    const all = (await read(operator)).body;
    expect([all.entries, all.last_entry_id]).toEqual([3, `${other}/1`]);
    const ofShop = (await read(admin)).body;
    expect(ofShop).toEqual({ ...all, entries: 2, last_entry_id: `${own[1]}/1` });
    expect((await read(stranger)).body).toEqual({ ...all, entries: 1, last_entry_id: `${other}/1` });
    const { body: receipt } = await callAs<ReceiptBody>(admin!.secret, `${server.url}/turns/${own[1]}/receipt`);
    expect(receipt.attempts.at(-1)!.attempt).toBe(1);
    await say(stranger);
    expect((await read(admin)).body.hash).not.toBe(all.hash);
  });

  test("nobody else sees it: not who may only chat, not who is bound to a user, not who shows no key", async () => {
    for (const key of [chatter, narrow]) {
      const { status, body } = await read(key);
      expect([status, body.code]).toEqual([403, "forbidden"]);
    }
    expect((await fetch(`${server.url}/ledger/seal`)).status).toBe(401);
  });
});

test("a seal that was kept in a file is found in the chain of a backup, and not in one that was altered", async () => {
  const url = await createSqliteFile();
  const store = await openTestStore(url);
  await keepBooks(store, ["full", "tried"]);
  const seal = (await store.findSeal(undefined))!;
  const kept = join(folder, "seals.jsonl");
  writeFileSync(kept, `${JSON.stringify({ entries: seal.entries, hash: seal.hash })}\n`);
  await keepBooks(store, ["full"]);
  await store.findSeal(undefined);
  const copy = join(folder, "copy.db");
  await store.backup(copy);
  await store.close();
  const verify = (...words: string[]) => runCommand(["verify", "--database-url", `sqlite:${copy}`, ...words], folder);
  const right = await verify("--seal", kept);
  expect([right.code, right.stdout]).toEqual([0, ""]);
  expect(right.stderr).toStartWith("Checked 5 calls, 1 seal kept elsewhere, ");
  expect((await verify("--seal", seal.hash.toUpperCase())).code).toBe(0);
  await alter(`sqlite:${copy}`, "DELETE FROM seal", "DELETE FROM seal_project", "UPDATE seal_mark SET sealed_to = 0");
  const wrong = await verify(`--seal=${kept}`);
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toStartWith(`the seal ${seal.hash}: it is not in the chain, and should be in it`);
  for (const said of ["nothing-here", "", seal.hash.slice(1)]) {
    const refused = await verify("--seal", said);
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toStartWith("--seal: ");
  }
});
