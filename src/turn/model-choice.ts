// Which model a turn goes to, and in which form its params: the one the caller named, else the session's, else the server's default or its successor.

import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Catalogue, roomOf } from "../model/model.ts";
import type { Params } from "../model/params.ts";
import type { ProviderError } from "../provider.ts";
import { leaveOut, listForms, type ParamForm } from "./param-form.ts";
import type { Notice } from "./turn.ts";

export interface ModelChoice {
  /** The model to call. */
  model: string;
  /** The model that was asked for, by name or by default; what the turn's record says. */
  requested: string;
  /** Named by the caller, in the message or the session: then it is never replaced. */
  named: boolean;
  /** What is sent, in the form that `formOf` takes. */
  params: Params;
  formOf: string;
  /** All that the turn has to say of it. */
  notices: Notice[];
  /** What else could be sent, should the vendor refuse this form. */
  otherForms: ParamForm[];
}

/** What the vendor said of a request that it refused. */
export type Refusal = Pick<ProviderError, "modelGone" | "thinkingRefused">;

export interface ModelChooser {
  /** Where a message that names no model goes now. */
  readonly defaultModel: string;
  /** Throws invalid_request with a pointer to each param that the model does not take. */
  choose(asked: string | undefined, ofSession: string | null, params: Params): ModelChoice;
  /**
   * What to try after a refusal, remembered for the next turn: the successor of a default model that is gone, or another form of
   * thinking. Undefined where there is nothing to try; never the same twice for one turn.
   */
  reconsider(choice: ModelChoice, params: Params, refusal: Refusal): ModelChoice | undefined;
  /** What to add to "there is no such model": its successor, where the catalogue knows one. */
  hint(choice: ModelChoice): string;
  /** How many tokens a conversation with it may fill. */
  roomOf(model: string, params: Params): number;
  /** The models that may answer it, the one that is asked first, by their own names; and the tokens that its answer may have. */
  limitsOf(choice: ModelChoice): { models: string[]; outputTokens: number };
  /** The tokens that its answer may have, thinking included; undefined where nobody has said. */
  mostTokensOf(choice: Pick<ModelChoice, "model" | "params">): number | undefined;
}

/** The window of a model that the catalogue does not know: one that every current model has. */
const undescribed = { inputTokens: 131_072, outputTokens: 8_192, sharedWindow: true };
/** What is remembered of refused forms, at most. */
const mostLearned = 1_000;
const gone = "is no longer offered by the vendor to this key";

export function createModelChooser(
  catalogue: Catalogue,
  defaultModel: string,
  memoryTokens: number | null,
  log: Log,
  now: () => number,
): ModelChooser {
  /** The default's successor, once the vendor has told us that the default is gone, for as long as this process lives. */
  let moved: string | null = null;
  let retirementSaid = false;
  /** The form that a model was last sent after it had refused another, by the thinking asked for. */
  const learned = new Map<string, ParamForm["name"]>();

  function findDefault(): { model: string; why: string } | undefined {
    if (moved !== null) return { model: moved, why: gone };
    const successor = catalogue.replacementFor(defaultModel, now());
    return successor === null ? undefined : { model: successor, why: "has been retired" };
  }

  function mostTokensOf({ model, params }: Pick<ModelChoice, "model" | "params">): number | undefined {
    const most = catalogue.find(model)?.outputTokens;
    const asked = params.max_output_tokens;
    return asked === undefined || most === undefined ? (asked ?? most) : Math.min(asked, most);
  }

  function toSuccessor(model: string, why: string, params: Params): ModelChoice {
    const form: ParamForm = { name: "successor", formOf: model, ...catalogue.adapt(params, defaultModel, model) };
    const detail = `${defaultModel} ${why}; the server's default moved to ${model}. Set the default model to choose another.`;
    return send({ model, requested: defaultModel, named: false, notices: [{ code: "model_replaced", detail }] }, [
      form,
      ...(params.thinking === undefined ? [] : [leaveOut(params, form)]),
    ]);
  }

  /** In the form learned, else the likeliest. */
  function toItself(model: string, named: boolean, params: Params): ModelChoice {
    const forms = listForms(catalogue, model, params, now());
    if (forms.length > 1) {
      const name = learned.get(keyOf(model, params));
      forms.sort((a, b) => Number(b.name === name) - Number(a.name === name));
    }
    return send({ model, requested: model, named, notices: [] }, forms);
  }

  function checkParams(model: string, params: Params): void {
    const errors = catalogue.checkParams(model, params, now());
    if (errors.length > 0)
      throw new AppError("invalid_request", `The model ${model} does not take these parameters.`, { errors });
  }

  function replaceDefault(choice: ModelChoice, params: Params): ModelChoice | undefined {
    if (choice.named || choice.model !== defaultModel) return undefined;
    const successor = catalogue.successorOf(choice.model);
    if (!successor) return undefined;
    if (moved === null)
      log.warn({ model: choice.model, successor }, "the default model is gone; its successor answers from now on");
    moved = successor;
    return toSuccessor(successor, gone, params);
  }

  function changeForm(choice: ModelChoice, params: Params): ModelChoice | undefined {
    const [form] = choice.otherForms;
    if (learned.size >= mostLearned) learned.clear();
    if (form === undefined) {
      learned.delete(keyOf(choice.model, params));
      return undefined;
    }
    learned.set(keyOf(choice.model, params), form.name);
    log.warn({ model: choice.model, form: form.name }, "the vendor refused this form of thinking; another one is sent");
    return send(
      { ...choice, notices: choice.notices.filter(({ code }) => code === "model_replaced") },
      choice.otherForms,
    );
  }

  return {
    get defaultModel() {
      return findDefault()?.model ?? defaultModel;
    },

    choose(asked, ofSession, params) {
      const named = asked ?? ofSession;
      checkParams(named ?? defaultModel, params);
      if (named !== null) return toItself(named, true, params);
      const successor = findDefault();
      if (!successor) return toItself(defaultModel, false, params);
      if (!retirementSaid && moved === null)
        log.warn(
          { model: defaultModel, successor: successor.model },
          "the default model has been retired; its successor answers",
        );
      retirementSaid = true;
      return toSuccessor(successor.model, successor.why, params);
    },

    reconsider(choice, params, refusal) {
      if (refusal.modelGone) return replaceDefault(choice, params);
      return refusal.thinkingRefused ? changeForm(choice, params) : undefined;
    },

    hint(choice) {
      const successor = catalogue.successorOf(choice.model);
      return successor ? ` Its successor is ${successor}.` : "";
    },

    roomOf(model, params) {
      const room = roomOf(catalogue.find(model) ?? undescribed, params);
      return Math.min(room, memoryTokens ?? room);
    },

    limitsOf(choice) {
      const { model } = choice;
      const models = [catalogue.nameOf(model)];
      for (let next = catalogue.successorOf(model); next !== null; next = catalogue.successorOf(next))
        models.push(next);
      return { models, outputTokens: mostTokensOf(choice) ?? undescribed.outputTokens };
    },

    mostTokensOf,
  };
}

/** Throws forbidden for a model that is none of those that the caller may use. */
export function requireModel(model: string, allowed: readonly string[] | null | undefined): void {
  if (allowed && !allowed.includes(model))
    throw new AppError("forbidden", `This key may not use ${model}; it may use ${allowed.join(", ")}.`);
}

function keyOf(model: string, { thinking }: Params): string {
  return `${model} ${thinking}`;
}

/** In the first form; the others are kept for when it is refused. */
function send(to: Pick<ModelChoice, "model" | "requested" | "named" | "notices">, forms: ParamForm[]): ModelChoice {
  const { params, formOf, changes } = forms[0]!;
  const isAsAsked = changes.length === 0 && (formOf === to.model || params.thinking === undefined);
  const notices = isAsAsked ? to.notices : [...to.notices, sayAdapted(to, forms[0]!)];
  const otherForms = forms.slice(1);
  return { model: to.model, requested: to.requested, named: to.named, params, formOf, notices, otherForms };
}

function sayAdapted({ requested }: Pick<ModelChoice, "requested">, { formOf, changes }: ParamForm): Notice {
  const why = formOf === requested ? `${requested} refused them` : `${requested} is served by ${formOf} now`;
  const what = changes.length === 0 ? "thinking was sent in its form" : changes.join("; ");
  return {
    code: "params_adapted",
    detail: `The parameters are not quite what was asked for, because ${why}: ${what}.`,
  };
}
