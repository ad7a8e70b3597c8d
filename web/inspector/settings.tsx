// How a conversation is asked: its model with its price, how much it thinks, its instructions, and what else its model takes.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../api/api.ts";
import type { Model, Params } from "../api/wire.ts";
import type { Preset, Setup } from "../conversation/setup.ts";
import { WarnField } from "../quote/warn-field.tsx";
import { asApiError } from "../shell/errors.ts";
import { Icon } from "../shell/icon.tsx";
import { Problem } from "../shell/problem.tsx";
import { text } from "../shell/state.ts";
import { ModelChoice } from "./model-choice.tsx";
import { ParamFields, ThinkingField } from "./params.tsx";
import { Presets } from "./presets.tsx";

interface SettingsProps {
  setup: Setup;
  models: readonly Model[];
  presets: readonly Preset[];
  /** Whether the conversation has begun: then changes are its own, and count from the next message on. */
  begun: boolean;
  /** Throws ApiError. */
  onChange(setup: Setup): Promise<void>;
  onKeepPreset(preset: Preset): void;
  onDropPreset(name: string): void;
  /** Saves the conversation as a file; null before it has begun. */
  onSave: ((format: "json" | "markdown") => void) | null;
  onTrash: (() => void) | null;
}

/** Text fields are saved when the reader pauses. */
const saveAfterMs = 500;

export function Settings({
  setup,
  models,
  presets,
  begun,
  onChange,
  onKeepPreset,
  onDropPreset,
  onSave,
  onTrash,
}: SettingsProps) {
  const error = useSignal<ApiError | null>(null);
  const edited = useSignal<Setup>(setup);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    edited.value = setup;
  }, [setup]);
  const save = async () => {
    clearTimeout(timer.current);
    try {
      await onChange(edited.value);
      error.value = null;
    } catch (cause) {
      error.value = asApiError(cause);
    }
  };
  const change = (part: Partial<Setup>, late = false) => {
    edited.value = { ...edited.value, ...part };
    clearTimeout(timer.current);
    if (late) timer.current = setTimeout(save, saveAfterMs);
    else void save();
  };
  const { model, system, params } = edited.value;
  const chosen = models.find((one) => (model === null ? one.is_default : one.id === model));
  const changeParam = (some: Params) => change({ params: { ...params, ...some } });
  return (
    <div class="settings">
      <p class="quiet">{begun ? text.value.settingsOfThis : text.value.settingsOfNext}</p>
      {error.value && <Problem code={error.value.code} detail={error.value.message} fields={error.value.fields} />}
      <ModelChoice models={models} chosen={model} onChoose={(id) => change({ model: id })} />
      {chosen?.abilities.thinking && (
        <ThinkingField
          thinking={chosen.abilities.thinking}
          value={params.thinking}
          onChange={(thinking) => changeParam({ thinking })}
        />
      )}
      <label>
        <span>{text.value.settingsSystem}</span>
        <textarea
          rows={5}
          dir="auto"
          value={system ?? ""}
          placeholder={text.value.settingsSystemHint}
          onInput={(event) => change({ system: event.currentTarget.value.trim() || null }, true)}
          onBlur={() => void save()}
        />
      </label>
      {chosen && <ParamFields model={chosen} params={params} onChange={changeParam} />}
      <WarnField />
      <Presets
        presets={presets}
        setup={edited.value}
        onUse={(preset) => change(preset.setup)}
        onKeep={onKeepPreset}
        onDrop={onDropPreset}
      />
      {onSave && (
        <div class="files">
          <button type="button" class="button small" onClick={() => onSave("json")}>
            {text.value.saveJson}
          </button>
          <button type="button" class="button small" onClick={() => onSave("markdown")}>
            {text.value.saveMarkdown}
          </button>
        </div>
      )}
      {onTrash && (
        <button type="button" class="button danger" onClick={onTrash}>
          <Icon name="trash" /> {text.value.remove}
        </button>
      )}
    </div>
  );
}
