// The catalogue: what each model can do, what it takes, when it retires and what follows it. Data in, no vendor words.

import type { FieldError } from "../errors.ts";
import { type Adapted, adaptParams } from "./adapt.ts";
import type { ModelInfo } from "./model-info.ts";
import { checkParam, unknownModel } from "./model-params.ts";
import type { Params } from "./params.ts";

export interface Catalogue {
  /** By its id or an alias. */
  find(id: string): ModelInfo | undefined;
  list(): ModelInfo[];
  /** The model's own id for any of its names; a name nobody knows stays as it is. */
  nameOf(name: string): string;
  /**
   * What is wrong with the params for this model, every field of it; an unknown model gets the generic ranges. From its
   * retirement on both its own form of the params and its successor's are right: see `adapt`.
   */
  checkParams(id: string, params: Params, nowMs: number): FieldError[];
  /** Params asked of one model in the form that another one takes. An unknown one takes them as they are. */
  adapt(params: Params, from: string, to: string): Adapted;
  /** The model to ask instead once `id` has retired, through chains of retired ones; null while `id` is served. */
  replacementFor(id: string, nowMs: number): string | null;
  /** What the vendor named as the next model, retired yet or not. */
  successorOf(id: string): string | null;
}

/** Throws Error at once when the data contradicts itself: two models of one name, a successor nobody knows, a cycle. */
export function createCatalogue(models: readonly ModelInfo[]): Catalogue {
  const byId = new Map(models.flatMap((model) => [model.id, ...model.aliases].map((name) => [name, model])));
  checkConsistent(models, byId);
  const replacementFor: Catalogue["replacementFor"] = (id, nowMs) => {
    const asked = byId.get(id);
    let model = asked;
    while (model?.successor && isRetired(model, nowMs)) model = byId.get(model.successor);
    return model === undefined || model === asked ? null : model.id;
  };
  const check = (id: string, params: Params) => {
    const model = byId.get(id) ?? unknownModel(id);
    const errors: FieldError[] = [];
    for (const name in params) {
      const detail = checkParam(model, name as keyof Params, params);
      if (detail !== null) errors.push({ pointer: `/params/${name}`, detail });
    }
    return errors;
  };
  return {
    find: (id) => byId.get(id),
    list: () => [...models],
    nameOf: (name) => byId.get(name)?.id ?? name,
    checkParams(id, params, nowMs) {
      const own = check(id, params);
      const successor = own.length > 0 ? replacementFor(id, nowMs) : null;
      return successor === null ? own : check(successor, params);
    },
    adapt(params, from, to) {
      const taker = byId.get(to);
      return taker ? adaptParams(params, byId.get(from), taker) : { params, changes: [] };
    },
    replacementFor,
    successorOf: (id) => byId.get(id)?.successor ?? null,
  };
}

/** Whether the model's retirement day has begun (UTC). */
export function isRetired(model: Pick<ModelInfo, "retiresOn">, nowMs: number): boolean {
  return model.retiresOn !== null && nowMs >= Date.parse(model.retiresOn);
}

/** How many tokens of a model's window a conversation may fill, given how long the answer may get. */
export function roomOf(
  { inputTokens, outputTokens, sharedWindow }: Pick<ModelInfo, "inputTokens" | "outputTokens" | "sharedWindow">,
  { max_output_tokens: most = outputTokens }: Params,
): number {
  return sharedWindow ? Math.max(0, inputTokens - Math.min(most, outputTokens)) : inputTokens;
}

function checkConsistent(models: readonly ModelInfo[], byId: ReadonlyMap<string, ModelInfo>): void {
  if (byId.size !== models.reduce((sum, { aliases }) => sum + 1 + aliases.length, 0))
    throw new Error("the catalogue names a model twice");
  for (const model of models) {
    if (model.retiresOn !== null && Number.isNaN(Date.parse(model.retiresOn)))
      throw new Error(`${model.id}: retiresOn is not a date: ${model.retiresOn}`);
    const seen = new Set([model.id]);
    for (let next = model.successor; next !== null; next = byId.get(next)?.successor ?? null) {
      if (!byId.has(next)) throw new Error(`${model.id}: the successor ${next} is not in the catalogue`);
      if (seen.has(next)) throw new Error(`${model.id}: its successors go round in a circle`);
      seen.add(next);
    }
  }
}
