// Which model a turn goes to: the one the caller named, else the session's, else the server's default or its successor.

import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Catalogue, type ModelWindow, windowOf } from "../model/model.ts";
import type { Params } from "../model/params.ts";
import type { Notice } from "./turn.ts";

export interface ModelChoice {
  /** The model to call. */
  model: string;
  /** The model that was asked for, by name or by default; what the turn's record says. */
  requested: string;
  /** Named by the caller, in the message or the session: then it is never replaced. */
  named: boolean;
  notice: Notice | null;
}

export interface ModelChooser {
  choose(asked: string | undefined, ofSession: string | null): ModelChoice;
  /** After the vendor said that the model is gone: the successor of a default model, remembered; undefined for any other. */
  replace(choice: ModelChoice, params: Params): ModelChoice | undefined;
  /** What to add to "there is no such model": its successor, where the catalogue knows one. */
  hint(choice: ModelChoice): string;
  windowOf(model: string, params: Params): ModelWindow;
  /** Throws invalid_request with a pointer to each param that the model does not take. */
  checkParams(model: string, params: Params): void;
}

/** The window of a model that the catalogue does not know: one that every current model has. */
const undescribed = { inputTokens: 131_072, outputTokens: 8_192, sharedWindow: true };

export function createModelChooser(
  catalogue: Catalogue,
  defaultModel: string,
  memoryTokens: number | null,
  log: Log,
  now: () => number,
): ModelChooser {
  /** What the vendor told us is gone, for as long as this process lives. */
  const gone = new Map<string, string>();
  let retirementSaid = false;

  function replaced(requested: string, model: string, why: string): ModelChoice {
    const detail = `${requested} ${why}; the server's default moved to ${model}. Set the default model to choose another.`;
    return { model, requested, named: false, notice: { code: "model_replaced", detail } };
  }

  return {
    choose(asked, ofSession) {
      const named = asked ?? ofSession;
      if (named !== null && named !== undefined) return { model: named, requested: named, named: true, notice: null };
      const remembered = gone.get(defaultModel);
      if (remembered) return replaced(defaultModel, remembered, "is no longer offered by the vendor to this key");
      const successor = catalogue.replacementFor(defaultModel, now());
      if (successor) {
        if (!retirementSaid)
          log.warn({ model: defaultModel, successor }, "the default model has been retired; its successor answers");
        retirementSaid = true;
        return replaced(defaultModel, successor, "has been retired");
      }
      return { model: defaultModel, requested: defaultModel, named: false, notice: null };
    },

    replace(choice, params) {
      if (choice.named || choice.notice) return undefined;
      const successor = catalogue.successorOf(choice.model);
      if (!successor || catalogue.checkParams(successor, params).length > 0) return undefined;
      if (!gone.has(choice.model))
        log.warn({ model: choice.model, successor }, "the default model is gone; its successor answers from now on");
      gone.set(choice.model, successor);
      return replaced(choice.requested, successor, "is no longer offered by the vendor to this key");
    },

    hint(choice) {
      const successor = catalogue.successorOf(choice.model);
      return successor ? ` Its successor is ${successor}.` : "";
    },

    windowOf(model, params) {
      const window = windowOf(catalogue.find(model) ?? undescribed, params);
      if (memoryTokens === null || memoryTokens >= window.inputTokens - window.outputReserve) return window;
      return { inputTokens: memoryTokens, outputReserve: 0 };
    },

    checkParams(model, params) {
      const errors = catalogue.checkParams(model, params);
      if (errors.length > 0)
        throw new AppError("invalid_request", `The model ${model} does not take these parameters.`, { errors });
    },
  };
}
