// What a search finds is what reading everything would find, whoever asks and of whatever sessions: also where many rows match and few may be shown.

import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { SessionFilter, Store } from "../src/store.ts";
import { newSession, speak } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

interface Told {
  id: string;
  project: string;
  user: string | null;
  pinned: boolean;
  trashed: boolean;
  purged: boolean;
  title: string;
  turns: { at: number; text: string }[];
}

/** What everybody else says: more than an index shows before those that are chosen are gathered. */
const crowdTurns = 1_000;
const vocabulary = ["common", "often", "some", "rare"];

/** By plain reading: titles first, the newest session first; then by the newest turn that has every word. */
function findPlainly(all: readonly Told[], project: string, words: readonly string[], filter: SessionFilter): string[] {
  const matches = (text: string) => words.every((word) => text.split(" ").some((said) => said.startsWith(word)));
  const chosen = all.filter(
    (session) =>
      session.project === project &&
      !session.purged &&
      session.trashed === filter.deleted &&
      (filter.user === undefined || session.user === filter.user) &&
      (filter.pinned === undefined || session.pinned === filter.pinned) &&
      (filter.ids === undefined || filter.ids.includes(session.id)),
  );
  const titled = chosen.filter(({ title }) => matches(title)).reverse();
  const newest = ({ turns }: Told) => Math.max(-1, ...turns.filter(({ text }) => matches(text)).map(({ at }) => at));
  const said = chosen.filter((session) => !titled.includes(session) && newest(session) >= 0);
  return [...titled, ...said.sort((one, other) => newest(other) - newest(one))].map(({ id }) => id);
}

describe.each(storeEngines)("search among few sessions on %s", (_, openFixture) => {
  let store: Store;
  const all: Told[] = [];
  beforeAll(async () => {
    ({ store } = await openFixture());
    let [at, seed] = [0, 7];
    const draw = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const add = async (project: string, user: string | null) => {
      const title = draw(6) === 0 ? "often titled" : "untitled";
      const { id } = await newSession(store, { title, user }, project);
      all.push({ id, project, user, pinned: false, trashed: false, purged: false, title, turns: [] });
      return all.at(-1)!;
    };
    const say = async ({ id, project, turns }: Told) => {
      const text = vocabulary.filter((_, nth) => draw(4 ** nth) === 0).join(" ");
      const [question, answer] = draw(2) === 0 ? [text, "ok"] : ["ok", text];
      await speak(store, id, question, answer, { owner: project });
      turns.push({ at: at++, text: `${text} ok` });
    };
    const few: Told[] = [];
    for (let n = 0; n < 40; n++)
      few.push(await add(["default", "large", "small"][n % 3]!, [null, "anna", "bob"][draw(3)]!));
    for (let n = 0; n < 120; n++) await say(few[draw(few.length)]!);
    const crowd = [await add("default", "crowd"), await add("default", "crowd")];
    for (let n = 0; n < crowdTurns; n++) await say(n % 100 === 99 ? few[draw(few.length)]! : crowd[draw(2)]!);
    for (const session of few.filter(() => draw(4) === 0)) {
      await store.updateSession(session.project, session.id, { pinned: true }, 1);
      session.pinned = true;
    }
    for (const [nth, session] of few.filter(() => draw(3) === 0).entries()) {
      await store.trashSession(session.project, session.id, 1);
      session.trashed = true;
      if (nth % 3 > 0) continue;
      session.purged = true;
      const begun = await store.beginPurge({ by: { project: session.project, keyId: null }, id: session.id, at: 2 });
      if (begun.kind === "begun") while (!(await store.purgeSome(begun.row)));
    }
  }, 60_000);

  test("every filter finds what plain reading finds, in its order, in pages of any size", async () => {
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const asked = fc.record({
      project: fc.constantFrom("default", "default", "large", "small", "nobody's"),
      words: fc.uniqueArray(fc.constantFrom(...vocabulary, "com", "ok", "titled"), { minLength: 1, maxLength: 2 }),
      limit: fc.integer({ min: 1, max: 9 }),
      deleted: fc.boolean(),
      user: maybe(fc.constantFrom("anna", "bob", "crowd", "nobody")),
      pinned: maybe(fc.boolean()),
      ids: maybe(fc.subarray(all.map(({ id }) => id))),
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ project, words, limit, ...filter }) => {
        words.sort((one) => (one === "com" ? 1 : -1)); // only the last word may be unfinished
        const query = words.at(-1) === "com" ? words.join(" ") : `${words.join(" ")} `;
        const expected = findPlainly(all, project, words, filter);
        const find = async (page: { after?: string; before?: string }) => {
          const { data, hasMore } = await store.searchSessions(project, query, { limit, ...filter, ...page });
          return [data.map(({ id }) => id), hasMore];
        };
        for (let at = 0; at === 0 || at < expected.length; at += limit) {
          const after = at === 0 ? {} : { after: expected[at - 1]! };
          expect(await find(after)).toEqual([expected.slice(at, at + limit), at + limit < expected.length]);
        }
        const [last] = expected.slice(-1);
        if (last === undefined) return;
        const before = expected.slice(0, -1);
        expect(await find({ before: last })).toEqual([before.slice(-limit), before.length > limit]);
      }),
      { numRuns: 80, endOnFailure: true },
    );
  }, 60_000);
});
