// What a model can be told besides words; only what the chosen one takes is offered.

import type { Model, Params, Thinking } from "../api/wire.ts";
import { text } from "../shell/state.ts";
import type { Dictionary } from "../text/text.ts";

interface ThinkingProps {
  thinking: Thinking;
  value: Params["thinking"];
  onChange(value: Params["thinking"]): void;
}

export function ThinkingField({ thinking, value, onChange }: ThinkingProps) {
  const names: Dictionary = text.value.thinkingLevels;
  return (
    <label>
      <span>{text.value.thinkingTokens}</span>
      <select
        value={value === undefined ? "" : String(value)}
        onChange={(event) => onChange((event.currentTarget.value || undefined) as Params["thinking"])}
      >
        <option value="">{text.value.thinkingLevels.auto}</option>
        {thinking.levels.map((level) => (
          <option key={level} value={level}>
            {names[level] ?? level}
          </option>
        ))}
        {typeof value === "number" && <option value={String(value)}>{value}</option>}
      </select>
    </label>
  );
}

/** Numbers a reader may want to change; each with the bounds that vendors have. */
const fields = [
  { name: "temperature", min: 0, max: 2, step: 0.1 },
  { name: "top_p", min: 0, max: 1, step: 0.05 },
  { name: "top_k", min: 1, max: 1000, step: 1 },
  { name: "max_output_tokens", min: 1, max: 1_000_000, step: 1 },
  { name: "seed", min: 0, max: 2_147_483_647, step: 1 },
] as const;

interface ParamProps {
  model: Model;
  params: Params;
  onChange(some: Params): void;
}

export function ParamFields({ model, params, onChange }: ParamProps) {
  const { params: taken, ignored_params: ignored } = model.abilities;
  const shown = fields.filter(({ name }) => taken.includes(name) && !ignored.includes(name));
  const names: Dictionary = text.value.params;
  if (shown.length === 0) return null;
  return (
    <details class="params">
      <summary>{text.value.moreSettings}</summary>
      {shown.map(({ name, min, max, step }) => (
        <label key={name}>
          <span>{names[name] ?? name}</span>
          <input
            type="number"
            min={min}
            max={name === "max_output_tokens" ? model.limits.output_tokens : max}
            step={step}
            value={params[name] ?? ""}
            placeholder={text.value.thinkingLevels.auto}
            onChange={(event) => {
              const { value, validity, valueAsNumber } = event.currentTarget;
              if (value === "" || validity.valid) onChange({ [name]: value === "" ? undefined : valueAsNumber });
              else event.currentTarget.reportValidity();
            }}
          />
        </label>
      ))}
    </details>
  );
}
