// The line over the composer before the first message: who will answer, what that costs, how much it thinks, what it is told.

import type { Model } from "../api/wire.ts";
import { rateOf, retirementWords } from "../inspector/model-choice.tsx";
import { Icon } from "../shell/icon.tsx";
import { text } from "../shell/state.ts";
import { type Dictionary, fill } from "../text/text.ts";
import type { Setup } from "./setup.ts";

interface LineProps {
  setup: Setup;
  model: Model | undefined;
  onOpen(): void;
}

export function SetupLine({ setup, model, onOpen }: LineProps) {
  const t = text.value;
  const levels: Dictionary = t.thinkingLevels;
  const { thinking } = setup.params;
  const thinks = thinking === undefined ? t.thinkingLevels.auto : (levels[String(thinking)] ?? String(thinking));
  return (
    <button type="button" class="setup-line" title={t.openSettings} onClick={onOpen}>
      <span class="setup-facts">
        <b>{model?.display_name ?? setup.model ?? t.defaultModel}</b>
        {model?.price && (
          <span>{fill(t.priceLine, { input: rateOf(model, "input"), output: rateOf(model, "output") })}</span>
        )}
        {model?.abilities.thinking && <span class="thinks">{fill(t.thinkingLine, { level: thinks })}</span>}
        {setup.system !== null && <span class="told">{t.settingsSystem}</span>}
      </span>
      {model && (model.retires_on !== null || model.retired) && (
        <span class="retires">
          <Icon name="warning" /> {retirementWords(model)}
        </span>
      )}
    </button>
  );
}
