// What forms offer to choose from, and rows name: models, projects, keys. Without them ids are shown, and all works.

import { type Key, listAllKeys, listAllProjects, type Project, roomApi } from "../api/rooms.ts";
import { useAsked } from "../rooms/asked.ts";
import { words } from "../rooms/words.ts";
import { may, me } from "../shell/me.ts";
import { type Dictionary, fill } from "../text/text.ts";

export function useModelIds(): readonly string[] {
  const asked = useAsked("models", (signal) => roomApi.listModels(signal));
  return asked.value?.data.map(({ id }) => id) ?? [];
}

/** The caller's own first; an operator's others behind it. */
export function useProjects(): readonly Project[] {
  const own = me.value?.project ?? "";
  const asked = useAsked("projects", async (signal) => (may("operator") ? listAllProjects(signal) : []));
  return (asked.value ?? []).toSorted((one, other) => Number(other.id === own) - Number(one.id === own));
}

export function useKeys(): readonly Key[] {
  return useAsked("keys", listAllKeys).value ?? [];
}

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
