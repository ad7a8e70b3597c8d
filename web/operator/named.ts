// What forms offer to choose from, and rows name: models, projects, keys. Where they are refused ids are shown, and all works.

import { type Key, listAllKeys, listAllProjects, type Project, roomApi } from "../api/rooms.ts";
import { type Asked, useAsked } from "../rooms/asked.ts";
import { words } from "../rooms/words.ts";
import { may, me } from "../shell/me.ts";
import { type Dictionary, fill } from "../text/text.ts";

export function useModelIds(): readonly string[] {
  const asked = useAsked("models", (signal) => roomApi.listModels(signal));
  return asked.value?.data.map(({ id }) => id) ?? [];
}

/** The caller's own first; an operator's others behind it. Null: they are on their way, and what names them waits, lest it moves. */
export function useProjects(): readonly Project[] | null {
  const own = me.value?.project ?? "";
  const asked = useAsked("projects", async (signal) => (may("operator") ? listAllProjects(signal) : []));
  return comeOf(asked)?.toSorted((one, other) => Number(other.id === own) - Number(one.id === own)) ?? null;
}

/** Null: they are on their way. */
export function useKeys(): readonly Key[] | null {
  return comeOf(useAsked("keys", listAllKeys));
}

const comeOf = <T>({ value, error }: Asked<readonly T[]>): readonly T[] | null => value ?? (error ? [] : null);

/** "The project", "User: olena", "Key: the shop". */
export function scopeWords(scope: string, keys: readonly Key[]): string {
  const { kind, name } = partsOf(scope, keys);
  const kinds: Dictionary = words.value.scopeKinds;
  const known = kinds[kind] ?? kind;
  return name === "" ? known : `${known}: ${name}`;
}

/** "Raise the limits of the key “the shop” for a time". */
export function raiseWords(scope: string, keys: readonly Key[]): string {
  const { kind, name } = partsOf(scope, keys);
  const kinds: Dictionary = words.value.raiseOf;
  return fill(kinds[kind] ?? words.value.raise, { name });
}

function partsOf(scope: string, keys: readonly Key[]): { kind: string; name: string } {
  const [kind = "", ...rest] = scope.split(":");
  const id = rest.join(":");
  return { kind, name: keys.find((key) => key.id === id)?.name ?? id };
}
