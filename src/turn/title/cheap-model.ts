// Which models may make a title: the cheapest first, by the prices in force, of those that the caller may use.

import { AppError } from "../../errors.ts";
import { type Catalogue, isRetired } from "../../model/model.ts";
import { wordsOf } from "../../model/model-params.ts";
import type { Params } from "../../model/params.ts";
import { multiply, type Pico } from "../../money/money.ts";
import type { Books } from "../books.ts";

/** What a title takes, to tell which model is cheaper for it. */
const usualInput = 1_000;
const usualOutput = 30;
/** Tokens of an answer: a title and what a model may think in spite of being asked not to; more for one that always thinks. */
const answerTokens = 512;
const thinkingAnswerTokens = 4_096;
/** A model that the vendor does not offer to this key is found out by asking it; then the next one is asked. */
const cheapModels = 2;

export interface TitleModel {
  model: string;
  params: Params;
}

export class CheapModels {
  private readonly catalogue: Catalogue;
  private readonly books: Books;
  /** Known not to be offered, as long as this process lives. */
  private readonly gone = new Set<string>();

  constructor(catalogue: Catalogue, books: Books) {
    this.catalogue = catalogue;
    this.books = books;
  }

  /**
   * The cheapest two, and `usual`, which the session's messages go to, where it has a price and is none of them: in the order in which
   * they are tried. Throws forbidden when the caller may use no model at all, unpriced_model when none has a price and such are not allowed.
   */
  list(usual: string, allowed: readonly string[] | null, at: number): TitleModel[] {
    const known = this.catalogue.list().filter((model) => model.vendor === this.books.provider.vendor);
    const names = [...known.filter((model) => !isRetired(model, at)).map(({ id }) => id), usual, ...(allowed ?? [])];
    const usable = [...new Set(names)].filter((model) => allowed === null || allowed.includes(model));
    const offered = usable.filter((model) => !this.gone.has(model));
    const models = offered.length > 0 ? offered : usable; // what is gone may have come back
    const costs = models.map((model) => ({ model, cost: this.estimateCost(model, at) }));
    const priced = costs.filter((one): one is { model: string; cost: Pico } => one.cost !== undefined);
    priced.sort((a, b) => (a.cost < b.cost ? -1 : a.cost > b.cost ? 1 : 0));
    const chosen = priced.filter(({ model }, index) => index < cheapModels || model === usual);
    if (chosen.length > 0) return chosen.map(({ model }) => ({ model, params: this.paramsFor(model, at) }));
    const model = models.includes(usual) ? usual : models[0];
    if (model === undefined) throw new AppError("forbidden", "This key may use no model, and a title is made by one.");
    this.books.requirePrice(model);
    return [{ model, params: this.paramsFor(model, at) }];
  }

  /** The vendor has said that it does not offer the model. */
  forget(model: string): void {
    if (this.gone.size < this.catalogue.list().length * 2) this.gone.add(model);
  }

  private estimateCost(model: string, at: number): Pico | undefined {
    const rates = this.books.findPrice(model, at)?.rates.get("standard")?.rates;
    return rates && multiply(usualInput, rates.input.text) + multiply(usualOutput, rates.output.text);
  }

  /** As little thinking as the model takes; its own default for one that nobody described, or that another one serves for. */
  private paramsFor(name: string, at: number): Params {
    const model = this.catalogue.find(name);
    if (model?.thinking === null) return { max_output_tokens: answerTokens };
    if (!model?.thinking || isRetired(model, at)) return { max_output_tokens: thinkingAnswerTokens };
    const [thinking] = wordsOf(model.thinking);
    if (thinking === undefined) return { max_output_tokens: thinkingAnswerTokens };
    return { thinking, max_output_tokens: thinking === "off" ? answerTokens : thinkingAnswerTokens };
  }
}
