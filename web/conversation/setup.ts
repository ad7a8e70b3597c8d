// What a conversation is asked with: its model, its instructions, its parameters; before the first message kept in this browser.

import { signal } from "@preact/signals";
import { api } from "../api/api.ts";
import type { Model, Params, Session } from "../api/wire.ts";
import { stored } from "../shell/stored.ts";

export interface Setup {
  model: string | null;
  system: string | null;
  params: Params;
}
export const noSetup: Setup = { model: null, system: null, params: {} };

export const setupOf = ({ model, system, params }: Session): Setup => ({ model, system, params });

/** The setup for conversations that have not begun yet. */
export const nextSetup = {
  get(): Setup {
    try {
      return { ...noSetup, ...(JSON.parse(stored.get("setup") ?? "{}") as Partial<Setup>) };
    } catch {
      return noSetup;
    }
  },
  set: (setup: Setup): void => stored.set("setup", JSON.stringify(setup)),
};

/** The models as the server lists them; empty until they have been asked for. */
export const models = signal<readonly Model[]>([]);
let asking: Promise<void> | undefined;

/** Asks for the models once; again if that failed. */
export function loadModels(): Promise<void> {
  asking ??= api
    .listModels()
    .then((list) => {
      models.value = list.data;
    })
    .catch(() => {
      asking = undefined;
    });
  return asking;
}

/** The model that will answer: the one chosen, or the server's default. */
export function modelOf(setup: Setup, known: readonly Model[]): Model | undefined {
  return known.find((model) => (setup.model === null ? model.is_default : model.id === setup.model));
}

/** Parameters that the model does not take are left out: it would refuse them. */
export function paramsFor(model: Model | undefined, params: Params): Params {
  if (!model) return params;
  const taken = Object.entries(params).filter(([name, value]) => {
    if (!model.abilities.params.includes(name) || model.abilities.ignored_params.includes(name)) return false;
    return (
      name !== "thinking" ||
      typeof value === "number" ||
      (model.abilities.thinking?.levels ?? []).some((level) => level === value)
    );
  });
  return Object.fromEntries(taken);
}

/** The setup as the server takes it. */
export async function fieldsOf(setup: Setup): Promise<Setup> {
  if (Object.keys(setup.params).length > 0) await loadModels();
  return { ...setup, params: paramsFor(modelOf(setup, models.value), setup.params) };
}

/** Instructions the reader keeps for another time, in this browser. */
export interface Preset {
  name: string;
  setup: Setup;
}
export const presets = signal<readonly Preset[]>(readPresets());

function readPresets(): Preset[] {
  try {
    const kept = JSON.parse(stored.get("presets") ?? "[]") as unknown;
    return Array.isArray(kept) ? (kept as Preset[]).filter(({ name, setup }) => typeof name === "string" && setup) : [];
  } catch {
    return [];
  }
}

export function keepPreset(preset: Preset): void {
  presets.value = [...presets.value.filter(({ name }) => name !== preset.name), preset];
  stored.set("presets", JSON.stringify(presets.value));
}

export function dropPreset(name: string): void {
  presets.value = presets.value.filter((preset) => preset.name !== name);
  stored.set("presets", JSON.stringify(presets.value));
}
