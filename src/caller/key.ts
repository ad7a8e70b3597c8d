// A key: 256 random bits that say who asks. Only its hash is kept, and no key makes one that may do more than itself.

import { hash, randomBytes } from "node:crypto";
import { AppError, notFound } from "../errors.ts";
import type { Caller } from "./caller.ts";
import { asksMore, type Rate } from "./rate.ts";
import { hasScope, type Scope } from "./scope.ts";

export type KeyMetadata = Record<string, string | number | boolean | null>;

export interface Key {
  id: string;
  project: string;
  name: string;
  /** The secret's first characters, by which people know it. */
  prefix: string;
  scopes: readonly Scope[];
  user: string | null;
  models: readonly string[] | null;
  /** How much it may ask for; null: as much as it likes. */
  rate: Rate | null;
  expiresAt: number | null;
  disabled: boolean;
  createdAt: number;
  lastUsedAt: number | null;
  metadata: KeyMetadata;
}
export type NewKey = Pick<Key, "project" | "name" | "scopes" | "user" | "models" | "expiresAt" | "metadata"> &
  Partial<Pick<Key, "rate">>;
export type KeyChange = Partial<
  Pick<Key, "name" | "scopes" | "models" | "rate" | "expiresAt" | "disabled" | "metadata">
>;
/** What the store keeps of a secret. */
export type HashedSecret = Pick<Key, "prefix"> & { hash: string };

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 62^43 is a little more than 2^256. */
const secretLength = 43;
const secretPattern = /^rz-[0-9A-Za-z]{43}$/;
const prefixLength = 9;

/** A new secret: `rz-` and 256 random bits, written in letters and digits. */
export function makeSecret(): string {
  let rest = BigInt(`0x${randomBytes(32).toString("hex")}`);
  let text = "";
  for (let at = 0; at < secretLength; at++, rest /= 62n) text = letters[Number(rest % 62n)] + text;
  return `rz-${text}`;
}

export function isSecret(text: string): boolean {
  return secretPattern.test(text);
}

/** 256 random bits need no salt and no slow hash: there is nothing to guess. */
export function hashSecret(secret: string): HashedSecret {
  return { prefix: secret.slice(0, prefixLength), hash: hash("sha256", secret) };
}

/** The key as the store found it by a secret, or by its id. */
export interface FoundKey {
  key: Key;
  /** Until when this secret opens it, where another one has taken its place. */
  goodUntil: number | null;
  /** The key was deleted, or its project closed. */
  closed: boolean;
}

/** Whether it opens anything now. */
export function isGood({ key, goodUntil, closed }: FoundKey, at: number): boolean {
  if (closed || key.disabled) return false;
  return (key.expiresAt === null || at < key.expiresAt) && (goodUntil === null || at < goodUntil);
}

export function callerOf(key: Key): Caller {
  const { id, project, scopes, user, models, rate, expiresAt } = key;
  return { by: "key", project, keyId: id, scopes, user, sessions: null, models, rate, expiresAt };
}

/** Throws not_found for a key that the caller may not know of: another project's, another user's, an operator's. */
export function requireManaged(caller: Caller, key: Key | undefined): asserts key is Key {
  if (key && managesKey(caller, key)) return;
  throw notFound("key");
}

function managesKey(caller: Caller, key: Key): boolean {
  if (hasScope(caller.scopes, "operator")) return true;
  if (key.project !== caller.project || key.scopes.includes("operator")) return false;
  return caller.user === null || caller.user === key.user;
}

/** Throws forbidden when the key could do something that its maker cannot. */
export function refuseMore(maker: Caller, key: Omit<NewKey, "name" | "metadata">): void {
  const refuse = (what: string) => {
    throw new AppError("forbidden", `No key can make one that may do more than itself: ${what}.`);
  };
  if (maker.by !== "command" && key.scopes.includes("operator"))
    throw new AppError("forbidden", "A key with the scope operator is made by the command line only.");
  if (hasScope(maker.scopes, "operator")) return;
  if (key.project !== maker.project) refuse("its project is another");
  const more = key.scopes.find((scope) => !maker.scopes.includes(scope));
  if (more !== undefined) refuse(`it has not the scope ${more}`);
  if (maker.user !== null && key.user !== maker.user) refuse("it acts for one user");
  if (maker.models && !key.models?.every((model) => maker.models!.includes(model))) refuse("it may use fewer models");
  if (asksMore(maker.rate, key.rate ?? null)) refuse("it may ask for less in a minute, or at once");
  if (maker.expiresAt !== null && (key.expiresAt === null || key.expiresAt > maker.expiresAt))
    refuse("it expires earlier");
}

/** Whether nothing that the key may do can grow by this change. */
export function onlyLowers(change: KeyChange): boolean {
  const { name: _name, metadata: _metadata, disabled, ...rest } = change;
  return disabled !== false && Object.keys(rest).length === 0;
}
