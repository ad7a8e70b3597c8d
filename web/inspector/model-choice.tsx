// The models as a table to choose from: name, prices, how much they read, and when they retire.

import type { Model } from "../api/wire.ts";
import { Icon } from "../shell/icon.tsx";
import { locale, text } from "../shell/state.ts";
import { printUsd } from "../text/money.ts";
import { fill } from "../text/text.ts";
import { printDay } from "../text/time.ts";

interface ChoiceProps {
  models: readonly Model[];
  /** Null: the server's default. */
  chosen: string | null;
  onChoose(id: string | null): void;
}

export function ModelChoice({ models, chosen, onChoose }: ChoiceProps) {
  const t = text.value;
  const unknown = chosen !== null && models.length > 0 && !models.some(({ id }) => id === chosen);
  const rows = models.filter((model) => !model.retired || model.id === chosen);
  return (
    <fieldset class="models">
      <legend>{t.settingsModel}</legend>
      <div class="model-table">
        <table>
          <thead>
            <tr>
              <th scope="col">{t.model}</th>
              <th scope="col" class="number">
                {t.inputPrice}
              </th>
              <th scope="col" class="number">
                {t.cachedPrice}
              </th>
              <th scope="col" class="number">
                {t.outputPrice}
              </th>
              <th scope="col" class="number">
                {t.context}
              </th>
            </tr>
          </thead>
          <tbody>
            {unknown && <UnknownRow id={chosen} />}
            {rows.map((model) => (
              <ModelRow
                key={model.id}
                model={model}
                checked={chosen === model.id || (chosen === null && model.is_default)}
                onChoose={() => onChoose(model.is_default ? null : model.id)}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet small">{t.pricesPerMillion}</p>
    </fieldset>
  );
}

function UnknownRow({ id }: { id: string }) {
  return (
    <tr>
      <td colSpan={5}>
        <label>
          <input type="radio" name="model" checked /> <b>{id}</b>
        </label>
      </td>
    </tr>
  );
}

function ModelRow({ model, checked, onChoose }: { model: Model; checked: boolean; onChoose(): void }) {
  return (
    <>
      <tr data-checked={checked}>
        <th scope="row">
          <label>
            <input type="radio" name="model" checked={checked} onChange={onChoose} />
            <b>{model.display_name}</b>
          </label>
        </th>
        <td class="number">{rateOf(model, "input")}</td>
        <td class="number">{rateOf(model, "cached")}</td>
        <td class="number">{rateOf(model, "output")}</td>
        <td class="number">{contextOf(model)}</td>
      </tr>
      <tr data-checked={checked} class="remarks">
        <td colSpan={5}>
          <small>{model.id}</small>
          {model.is_default && <small>{text.value.defaultModel}</small>}
          <Retirement model={model} />
        </td>
      </tr>
    </>
  );
}

/** "retires 1 Dec 2026 → gemini-3.5-flash-lite" */
function Retirement({ model }: { model: Model }) {
  if (model.retires_on === null && !model.retired) return null;
  return (
    <small class="retires">
      <Icon name="warning" /> {retirementWords(model)}
    </small>
  );
}

export function retirementWords(model: Model): string {
  const date = model.retires_on ? printDay(locale.value, model.retires_on) : "";
  const words = fill(model.retired ? text.value.retired : text.value.retires, { date });
  return model.successor ? `${words} → ${model.successor}` : words;
}

/** A rate in USD per million tokens; "—" where no price is known. */
export function rateOf({ price }: Model, name: string): string {
  const rate = price?.rates[name];
  return typeof rate === "string" ? printUsd(rate, locale.value) : "—";
}

function contextOf({ limits }: Model): string {
  const compact = { notation: "compact", maximumFractionDigits: 1 } as const;
  const written = locale.value.startsWith("en") ? "en-US" : locale.value; // "1M", not the "1m" of other countries
  return new Intl.NumberFormat(written, compact).format(limits.input_tokens);
}
