// Another answer to the same question: by the model that gave this one, or by another, with its price.

import { useRef } from "preact/hooks";
import type { Model } from "../api/wire.ts";
import { rateOf } from "../inspector/model-choice.tsx";
import { IconButton } from "../shell/button.tsx";
import { Icon } from "../shell/icon.tsx";
import { text } from "../shell/state.ts";
import { fill } from "../text/text.ts";

interface AgainProps {
  models: readonly Model[];
  /** The model of the answer that is there. */
  current: string | null;
  /** Without a model: asked as the conversation is. */
  onAgain(model?: string): void;
}

export function Again({ models, current, onAgain }: AgainProps) {
  const menu = useRef<HTMLDetailsElement>(null);
  const t = text.value;
  const close = () => {
    if (menu.current) menu.current.open = false;
  };
  const offered = models.filter(({ retired }) => !retired);
  const ordered = [...offered.filter(({ id }) => id === current), ...offered.filter(({ id }) => id !== current)];
  return (
    <>
      <IconButton icon="retry" label={t.regenerate} onClick={() => onAgain()} />
      {ordered.length > 0 && (
        <details
          class="again"
          ref={menu}
          onKeyDown={(event) => {
            if (event.key !== "Escape" || !menu.current?.open) return;
            event.stopPropagation();
            close();
            menu.current.querySelector("summary")?.focus();
          }}
          onToggle={() => menu.current?.open && menu.current.querySelector("ul")?.scrollIntoView({ block: "nearest" })}
          onFocusOut={(event) => {
            if (!menu.current?.contains(event.relatedTarget as Node | null)) close();
          }}
        >
          <summary aria-label={t.regenerateWith} title={t.regenerateWith}>
            <Icon name="caret" />
          </summary>
          <ul>
            {ordered.map((model) => (
              <li key={model.id}>
                <button
                  type="button"
                  onClick={() => {
                    close();
                    onAgain(model.id);
                  }}
                >
                  <b>{model.display_name}</b>
                  {model.id === current && <small>{t.sameModel}</small>}
                  {model.price && (
                    <small>
                      {fill(t.priceLine, { input: rateOf(model, "input"), output: rateOf(model, "output") })}
                    </small>
                  )}
                </button>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
