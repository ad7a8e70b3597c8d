// Instructions and settings kept under a name in this browser, to begin with another time.

import { useSignal } from "@preact/signals";
import type { Preset, Setup } from "../conversation/setup.ts";
import { IconButton } from "../shell/button.tsx";
import { text } from "../shell/state.ts";
import { fill } from "../text/text.ts";

interface PresetsProps {
  presets: readonly Preset[];
  setup: Setup;
  onUse(preset: Preset): void;
  onKeep(preset: Preset): void;
  onDrop(name: string): void;
}

export function Presets({ presets, setup, onUse, onKeep, onDrop }: PresetsProps) {
  const name = useSignal("");
  const keep = () => {
    if (name.value.trim() === "") return;
    onKeep({ name: name.value.trim(), setup });
    name.value = "";
  };
  return (
    <fieldset class="presets">
      <legend>{text.value.presets}</legend>
      {presets.length > 0 && (
        <ul>
          {presets.map((preset) => (
            <li key={preset.name}>
              <button type="button" class="plain" dir="auto" onClick={() => onUse(preset)}>
                {preset.name}
              </button>
              <IconButton
                icon="close"
                label={fill(text.value.dropPreset, { name: preset.name })}
                onClick={() => onDrop(preset.name)}
              />
            </li>
          ))}
        </ul>
      )}
      <form
        class="preset-form"
        onSubmit={(event) => {
          event.preventDefault();
          keep();
        }}
      >
        <input
          dir="auto"
          maxLength={60}
          value={name.value}
          placeholder={text.value.presetName}
          aria-label={text.value.presetName}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={name.value.trim() === ""}>
          {text.value.keepPreset}
        </button>
      </form>
    </fieldset>
  );
}
