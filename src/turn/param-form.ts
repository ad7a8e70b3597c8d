// The forms in which a turn's params may be sent to a model whose vendor has put another in its place, the likeliest first.

import type { Catalogue } from "../model/model.ts";
import type { Params } from "../model/params.ts";

/** One way to send params: as `formOf` takes them. */
export interface ParamForm {
  /** own: the model's. successor: the one's that serves in its place. bare: without thinking, for a model that refuses it in every form. */
  name: "own" | "successor" | "bare";
  params: Params;
  formOf: string;
  /** What became of each param that could not stay as it was asked. */
  changes: string[];
}

type Forms = Pick<Catalogue, "adapt" | "find" | "replacementFor" | "successorOf">;

/**
 * A model that was retired gets its successor's form first, because it serves now; and its own after that, because days of
 * retirement have moved. One that was not gets the successor's once its own was refused, for the same reason. Only forms that
 * differ on the wire are listed, and other ones than the first only where there is thinking, which is all they differ in so far.
 */
export function listForms(catalogue: Forms, model: string, params: Params, nowMs: number): ParamForm[] {
  const own: ParamForm = { name: "own", formOf: model, ...catalogue.adapt(params, model, model) };
  const served = catalogue.replacementFor(model, nowMs);
  const next = served ?? catalogue.successorOf(model);
  if (next === null || (served === null && params.thinking === undefined)) return [own];
  const successor: ParamForm = { name: "successor", formOf: next, ...catalogue.adapt(params, model, next) };
  const differ = own.changes.length > 0 || successor.changes.length > 0 || !areAlike(catalogue, model, next);
  const forms = !differ ? [own] : served === null ? [own, successor] : [successor, own];
  if (params.thinking === undefined) return forms.slice(0, 1);
  return [...forms, leaveOut(params, forms[0]!)];
}

/** Whether two models are sent the same for the same word. */
function areAlike(catalogue: Forms, model: string, other: string): boolean {
  return catalogue.find(model)?.thinking?.kind === "level" && catalogue.find(other)?.thinking?.kind === "level";
}

/** The params asked, but for thinking, which the form's model refused. */
export function leaveOut(asked: Params, form: ParamForm): ParamForm {
  const { thinking: _thinking, ...params } = form.params;
  const others = form.changes.filter((change) => !change.startsWith("thinking "));
  const changes = [...others, `thinking ${JSON.stringify(asked.thinking)} was left out`];
  return { name: "bare", params, formOf: form.formOf, changes };
}
