// Models and prices: what each costs today, where the price is from, and when the model retires.

import { type PricedModel, roomApi } from "../api/rooms.ts";
import { Scrolling } from "../prose/scrolling.tsx";
import { useAsked } from "../rooms/asked.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { locale, text } from "../shell/state.ts";
import { columnPrinter } from "../text/money.ts";
import { fill, printNumber } from "../text/text.ts";
import { printDay } from "../text/time.ts";

export function ModelsView() {
  const asked = useAsked("models", (signal) => roomApi.listModels(signal));
  const t = words.value;
  const print = printersOf(asked.value?.data ?? []);
  return (
    <>
      <Refusal error={asked.error} />
      <p class="quiet lead">{t.perMillion}</p>
      <Scrolling class="room-scroll" label={t.models}>
        <table class="room-table cards prices">
          <thead>
            <tr>
              <th scope="col">{t.groups.model}</th>
              {[t.inputPrice, t.cachedPrice, t.outputPrice].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
              <th scope="col" class="number">
                {t.context}
              </th>
              <th scope="col">{t.retires}</th>
              <th scope="col">{t.priceSource}</th>
            </tr>
          </thead>
          <tbody>
            {asked.value?.data.map((model) => (
              <ModelRow key={model.id} model={model} print={print} />
            ))}
          </tbody>
        </table>
      </Scrolling>
    </>
  );
}

function ModelRow({ model, print }: { model: PricedModel; print: Printers }) {
  const t = words.value;
  const rate = (of: RateName) => {
    const price = priceOf(model, of);
    return price === null ? "—" : print[of](price);
  };
  return (
    <tr>
      <th scope="row">
        {model.display_name}
        <small>
          {model.id}
          {model.is_default && ` · ${t.defaultModel}`}
        </small>
      </th>
      <td class="number" data-label={t.inputPrice}>
        {rate("input")}
      </td>
      <td class="number" data-label={t.cachedPrice}>
        {rate("cached")}
      </td>
      <td class="number" data-label={t.outputPrice}>
        {rate("output")}
      </td>
      <td class="number" data-label={t.context}>
        {printNumber(locale.value, model.limits.input_tokens)}
      </td>
      <td data-label={t.retires}>
        <span class={model.retires_on ? "retires" : "quiet"}>
          {model.retires_on ? printDay(locale.value, model.retires_on) : "—"}
        </span>
        {model.successor && <small>→ {model.successor}</small>}
      </td>
      <td class="wide" data-label={t.priceSource}>
        {model.price ? <Source price={model.price} /> : <span class="quiet">{t.noPrice}</span>}
      </td>
    </tr>
  );
}

const rateNames = ["input", "cached", "output"] as const;
type RateName = (typeof rateNames)[number];
type Printers = Readonly<Record<RateName, (price: string) => string>>;

function priceOf(model: PricedModel, of: RateName): string | null {
  const price = model.price?.rates[of];
  return typeof price === "string" ? price : null;
}

/** Each column on its points. */
function printersOf(models: readonly PricedModel[]): Printers {
  const of = (name: RateName) =>
    columnPrinter(
      models.flatMap((model) => priceOf(model, name) ?? []),
      locale.value,
    );
  return { input: of("input"), cached: of("cached"), output: of("output") };
}

/** Whose row it is and of which day; behind it what it names as its source. */
function Source({ price: { origin, rates } }: { price: NonNullable<PricedModel["price"]> }) {
  const { source, read_on: readOn } = rates;
  const [address] = /https?:\/\/[^\s,;)]+/.exec(String(source)) ?? [];
  return (
    <details class="source">
      <summary>
        {words.value.priceOrigins[origin]}
        {typeof readOn === "string" && (
          <small>{fill(text.value.priceReadOn, { date: printDay(locale.value, readOn) })}</small>
        )}
      </summary>
      {typeof source === "string" && <small lang="en">{source}</small>}
      {address && (
        <a href={address} target="_blank" rel="noreferrer">
          {new URL(address).host}
        </a>
      )}
    </details>
  );
}
