// `rozmova key create | list | revoke`: also beside a running server, which knows of it within a second.

import { randomInt } from "node:crypto";
import { commandCaller } from "../caller/caller.ts";
import { hashSecret, type Key, makeSecret } from "../caller/key.ts";
import { defaultProject, projectPattern } from "../caller/project.ts";
import { type Scope, scopes } from "../caller/scope.ts";
import { longestUser } from "../caller/user.ts";
import { loadConfig } from "../config.ts";
import { openStore } from "../database/open.ts";
import { newId } from "../id.ts";
import type { Store } from "../store.ts";
import { type CommandWords, readCommandWords } from "./words.ts";

const usage = `rozmova key create --name N [--project P] [--scope chat,read] [--user U] [--operator]
rozmova key list
rozmova key revoke ID`;
const flags = { own: ["--name", "--project", "--scope", "--user"], switches: ["--operator"] };
const pageSize = 100;

export async function runKey(words: string[]): Promise<void> {
  const [action, ...rest] = words;
  const run =
    action === "create" ? createKey : action === "list" ? listKeys : action === "revoke" ? revokeKey : undefined;
  if (!run) throw new Error(usage);
  const read = readCommandWords(rest, flags);
  refuseOthers(read, action!);
  const { databaseUrl } = loadConfig(read.settings);
  const store = await openStore(databaseUrl, { processId: randomInt(1, 2 ** 31 - 1), beside: true });
  try {
    await run(store, read);
  } finally {
    await store.close();
  }
}

function refuseOthers({ own, switches, names }: CommandWords, action: string): void {
  const expected = action === "revoke" ? 1 : 0;
  if (names.length !== expected || (action !== "create" && own.size + switches.size > 0)) throw new Error(usage);
}

/** The secret is alone on its line, on stdout; the talk is on stderr. */
async function createKey(store: Store, { own, switches }: CommandWords): Promise<void> {
  const name = own.get("--name");
  if (name === undefined || name.length > 100)
    throw new Error("--name: say what the key is for, in at most 100 characters");
  const project = own.get("--project") ?? defaultProject;
  if (!projectPattern.test(project))
    throw new Error("--project: small letters, digits, - and _, at most 64 of them, such as shop");
  const user = own.get("--user") ?? null;
  if (user !== null && user.length > longestUser) throw new Error(`--user: at most ${longestUser} characters`);
  const held = switches.has("--operator") ? [...scopes] : readScopes(own.get("--scope") ?? "chat,read");
  const at = Date.now();
  if (await store.createProject(commandCaller, { id: project, name: project, disabled: false, createdAt: at }))
    console.error(`Made the project ${project}.`);
  const secret = makeSecret();
  const wanted = { project, name, scopes: held, user, models: null, expiresAt: null, metadata: {} };
  const key = await store.createKey(commandCaller, newId(), wanted, hashSecret(secret), at);
  console.error(`Made the key ${describeKey(key)}\nIts secret, which is shown only now:`);
  console.log(secret);
}

function readScopes(text: string): Scope[] {
  const words = text.split(",").map((word) => word.trim());
  const found = words.map((word) => scopes.find((scope) => scope === word && scope !== "operator"));
  const wrong = words.find((_word, index) => found[index] === undefined);
  if (wrong !== undefined)
    throw new Error(`--scope: "${wrong}" is none of chat, read, admin; an operator's key is made with --operator`);
  return [...new Set(found as Scope[])];
}

function describeKey({ id, prefix, project, scopes: held, user, name }: Key): string {
  return `${id}  ${prefix}...  project ${project}  ${held.join(",")}${user === null ? "" : `  user ${user}`}  ${name}`;
}

async function* allKeys(store: Store): AsyncGenerator<Key, void, void> {
  for (let after: string | undefined; ; ) {
    const { data, hasMore } = await store.listKeys(commandCaller, { limit: pageSize, after });
    yield* data;
    if (!hasMore) return;
    after = data.at(-1)!.id;
  }
}

/** One key a line, its columns divided by tabs: a name or a user may hold spaces. */
async function listKeys(store: Store): Promise<void> {
  let count = 0;
  for await (const key of allKeys(store)) {
    count++;
    const { id, prefix, project, user, disabled, expiresAt, lastUsedAt } = key;
    const state = disabled ? "disabled" : expiresAt !== null && expiresAt <= Date.now() ? "expired" : "good";
    const used = lastUsedAt === null ? "never used" : `used ${new Date(lastUsedAt).toISOString()}`;
    const columns = [id, `${prefix}...`, project, key.scopes.join(","), user ?? "", state, used, key.name];
    console.log(columns.map((text) => text.replace(/[\t\r\n]/g, " ")).join("\t"));
  }
  if (count === 0) console.error("There are no keys yet; `rozmova key create` makes one.");
}

async function revokeKey(store: Store, { names: [name = ""] }: CommandWords): Promise<void> {
  const meant: Key[] = [];
  for await (const key of allKeys(store))
    if (key.id === name.toLowerCase() || (name.length >= 9 && name.startsWith(key.prefix))) meant.push(key);
  if (meant.length !== 1)
    throw new Error(
      meant.length === 0
        ? `There is no key ${name.slice(0, 9)}; see key list.`
        : "Several keys begin so; name one by its id.",
    );
  await store.deleteKey(commandCaller, meant[0]!.id, Date.now());
  console.error(`Deleted the key ${describeKey(meant[0]!)}`);
}
