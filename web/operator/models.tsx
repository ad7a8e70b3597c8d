// Models and prices: what each costs today, where the price is from, and when the model retires.

import { type PricedModel, roomApi } from "../api/rooms.ts";
import { rateOf } from "../inspector/model-choice.tsx";
import { Scrolling } from "../prose/scrolling.tsx";
import { useAsked } from "../rooms/asked.ts";
import { words } from "../rooms/words.ts";
import { locale } from "../shell/state.ts";
import { fill } from "../text/text.ts";
import { printDay } from "../text/time.ts";
import { Refusal } from "./refusal.tsx";

export function ModelsView() {
  const asked = useAsked("models", (signal) => roomApi.listModels(signal));
  const t = words.value;
  return (
    <>
      <Refusal error={asked.error} />
      <p class="quiet">{t.perMillion}</p>
      <Scrolling class="room-scroll" label={t.models}>
        <table class="room-table">
          <thead>
            <tr>
              <th scope="col">{t.models}</th>
              {[t.inputPrice, t.cachedPrice, t.outputPrice].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
              <th scope="col">{t.priceSource}</th>
              <th scope="col">{t.retires}</th>
            </tr>
          </thead>
          <tbody>
            {asked.value?.data.map((model) => (
              <ModelRow key={model.id} model={model} />
            ))}
          </tbody>
        </table>
      </Scrolling>
    </>
  );
}

function ModelRow({ model }: { model: PricedModel }) {
  const t = words.value;
  const { source, read_on } = model.price?.rates ?? {};
  return (
    <tr>
      <th scope="row">
        {model.display_name}
        <small>{model.id}</small>
        {model.is_default && <small>{t.defaultModel}</small>}
      </th>
      <td class="number">{rateOf(model, "input")}</td>
      <td class="number">{rateOf(model, "cached")}</td>
      <td class="number">{rateOf(model, "output")}</td>
      <td>
        {model.price ? <Source source={source} /> : t.noPrice}
        {typeof read_on === "string" && <small>{fill(t.readOn, { date: printDay(locale.value, read_on) })}</small>}
      </td>
      <td>
        {model.retires_on ? printDay(locale.value, model.retires_on) : "—"}
        {model.successor && <small>→ {model.successor}</small>}
      </td>
    </tr>
  );
}

function Source({ source }: { source: unknown }) {
  if (typeof source !== "string") return null;
  const [address] = /https:\/\/\S+/.exec(source) ?? [];
  if (!address) return <span lang="en">{source}</span>;
  return (
    <a href={address} target="_blank" rel="noreferrer">
      {new URL(address).host}
    </a>
  );
}
