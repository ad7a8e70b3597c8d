// The rules of who may do what, without a server: no key makes one that may do more than itself, whatever the two are.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Caller, commandCaller, loopbackCaller } from "../src/caller/caller.ts";
import {
  type FoundKey,
  hashSecret,
  isGood,
  isSecret,
  type Key,
  makeSecret,
  onlyLowers,
  refuseMore,
} from "../src/caller/key.ts";
import type { Rate } from "../src/caller/rate.ts";
import { type Scope, scopes } from "../src/caller/scope.ts";
import { callerWith, makeClaims } from "../src/caller/token.ts";
import { chooseUser, seesSession } from "../src/caller/user.ts";

const subset = <T>(items: readonly T[]) => fc.subarray([...items], { minLength: 1 });
const optional = { requiredKeys: [] as [] };
const limit = fc.integer({ min: 1, max: 3 });
const rights = {
  project: fc.constantFrom("one", "two"),
  scopes: subset(scopes),
  user: fc.option(fc.constantFrom("anna", "bohdan")),
  models: fc.option(subset(["a", "b", "c"])),
  rate: fc.option(
    fc.record({ requests_per_minute: limit, per_user: fc.record({ concurrent_turns: limit }, optional) }, optional),
  ),
  expiresAt: fc.option(fc.integer({ min: 1, max: 3 })),
};
const wantedKeys = fc.record(rights);
const callers = fc
  .record({ ...rights, by: fc.constantFrom("key" as const, "token" as const) })
  .map((one): Caller => ({ ...one, keyId: "k", sessions: null }));

function allows(maker: Caller, wanted: Parameters<typeof refuseMore>[1]): boolean {
  try {
    refuseMore(maker, wanted);
    return true;
  } catch {
    return false;
  }
}

/** Everything that somebody with these rights could do: one line for each thing. */
function powers({
  project,
  scopes: held,
  user,
  models,
  rate,
  expiresAt,
}: Parameters<typeof refuseMore>[1]): Set<string> {
  const found = new Set<string>();
  const isOperator = held.includes("operator");
  for (const where of isOperator ? ["one", "two"] : [project])
    for (const scope of isOperator ? scopes : held)
      for (const whose of user === null || isOperator ? ["anna", "bohdan", "nobody"] : [user])
        for (const model of models === null || isOperator ? ["a", "b", "c", "d"] : models)
          for (let at = 0; at < (expiresAt === null || isOperator ? 5 : expiresAt); at++)
            for (const pace of pacesOf(isOperator ? null : rate))
              found.add([where, scope, whose, model, at, pace].join(" "));
  return found;
}

/** How fast it could be: for the key and for each of its users. */
function pacesOf(rate: Rate | null | undefined): string[] {
  const upTo = (most = 4) => Array.from({ length: most }, (_, at) => at + 1);
  return [
    ...upTo(rate?.requests_per_minute).map((pace) => `${pace} requests`),
    ...upTo(rate?.per_user?.concurrent_turns).map((pace) => `${pace} turns of a user`),
  ];
}

describe("a key", () => {
  test("is rz- and 43 letters and digits, never the same one twice, and its hash tells nothing of it", () => {
    const made = Array.from({ length: 2_000 }, makeSecret);
    expect(new Set(made).size).toBe(2_000);
    expect(made.every((secret) => /^rz-[0-9A-Za-z]{43}$/.test(secret) && isSecret(secret))).toBe(true);
    // Every place holds every sign: 2,000 of 62 leave one out with a chance of 1 in 10^12.
    for (let place = 4; place < 46; place++) expect(new Set(made.map((secret) => secret[place])).size).toBe(62);
    const { prefix, hash } = hashSecret(made[0]!);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(made[0]).toStartWith(prefix);
    expect(prefix.length).toBe(9);
  });

  test("makes none that may do more than itself", () => {
    fc.assert(
      fc.property(callers, wantedKeys, (maker, wanted) => {
        if (!allows(maker, wanted)) return;
        expect(wanted.scopes).not.toContain("operator");
        const own = powers(maker);
        for (const power of powers(wanted)) expect(own.has(power)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test("makes one that may do as much as itself, or less", () => {
    fc.assert(
      fc.property(callers, (maker) => {
        const equal = { ...maker, scopes: maker.scopes.filter((scope) => scope !== "operator") };
        expect(allows(maker, equal)).toBe(true);
        expect(allows(maker, { ...equal, scopes: equal.scopes.slice(0, 1), expiresAt: maker.expiresAt ?? 9 })).toBe(
          true,
        );
      }),
    );
  });

  test("an operator's is made by the command line alone", () => {
    const wanted = { project: "one", scopes: ["operator" as const], user: null, models: null, expiresAt: null };
    expect(allows(commandCaller, wanted)).toBe(true);
    expect(allows(loopbackCaller, wanted)).toBe(false);
    expect(allows({ ...loopbackCaller, by: "key" }, wanted)).toBe(false);
  });

  test("only what takes away is left to whoever may do less", () => {
    expect([{}, { disabled: true }, { name: "x", metadata: {} }].every(onlyLowers)).toBe(true);
    for (const change of [{ disabled: false }, { scopes: [] }, { models: null }, { expiresAt: null }])
      expect(onlyLowers(change)).toBe(false);
  });

  test("opens nothing once it is switched off, over, replaced or closed", () => {
    const key = { disabled: false, expiresAt: 10 } as Key;
    const found: FoundKey = { key, goodUntil: null, closed: false };
    expect([isGood(found, 9), isGood(found, 10)]).toEqual([true, false]);
    expect(isGood({ ...found, goodUntil: 5 }, 4)).toBe(true);
    expect(isGood({ ...found, goodUntil: 5 }, 5)).toBe(false);
    expect(isGood({ ...found, closed: true }, 1)).toBe(false);
    expect(isGood({ ...found, key: { ...key, disabled: true } }, 1)).toBe(false);
  });
});

describe("a token", () => {
  const maker: Caller = { ...loopbackCaller, by: "key", keyId: "k", scopes: ["chat", "read"] };
  const asked = { user: "anna", scopes: ["chat", "read"] as Scope[], sessions: null, ttlSeconds: 60 };
  const made: FoundKey = {
    key: { ...({} as Key), scopes: ["chat", "read"], models: ["a"], expiresAt: null, disabled: false },
    goodUntil: null,
    closed: false,
  };

  test("does no more than its key, is over when it says, and goes with its key", () => {
    const claims = makeClaims(maker, asked, 1_500);
    expect(claims.expiresAt).toBe(61_000);
    expect(callerWith(claims, made, 60_999)).toMatchObject({ by: "token", user: "anna", models: ["a"] });
    expect(callerWith(claims, made, 61_000)).toBeUndefined();
    expect(callerWith(claims, null, 2_000)).toBeUndefined();
    expect(callerWith(claims, { ...made, closed: true }, 2_000)).toBeUndefined();
    const less = callerWith(claims, { ...made, key: { ...made.key, scopes: ["read"] } }, 2_000);
    expect(less?.scopes).toEqual(["read"]);
  });

  test("is refused to whoever may do less, and never outlives its key", () => {
    expect(() => makeClaims({ ...maker, scopes: ["chat"] }, asked, 0)).toThrow("read");
    expect(() => makeClaims({ ...maker, user: "bohdan" }, asked, 0)).toThrow("one user");
    expect(() => makeClaims({ ...maker, by: "token" }, asked, 0)).toThrow("no tokens");
    expect(makeClaims({ ...maker, expiresAt: 7_900 }, asked, 0).expiresAt).toBe(7_000);
  });
});

test("a user is whoever was named, unless the caller is bound to one", () => {
  const bound = { ...loopbackCaller, user: "anna" };
  expect([chooseUser(loopbackCaller, "x"), chooseUser(loopbackCaller, undefined)]).toEqual(["x", null]);
  expect([chooseUser(bound, "anna"), chooseUser(bound, undefined)]).toEqual(["anna", "anna"]);
  for (const named of ["bohdan", null]) expect(() => chooseUser(bound, named)).toThrow("one user");
  expect(seesSession(bound, { id: "s", user: null })).toBe(false);
  expect(seesSession({ ...bound, sessions: ["t"] }, { id: "s", user: "anna" })).toBe(false);
  expect(seesSession({ ...bound, sessions: ["s"] }, { id: "s", user: "anna" })).toBe(true);
});
