// Another answer to the same question: by the model that gave this one, or by another, with its price and what it would likely cost.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Model, Quote } from "../api/wire.ts";
import { rateOf } from "../inspector/model-choice.tsx";
import { likelyWords } from "../quote/words.ts";
import { IconButton } from "../shell/button.tsx";
import { Icon } from "../shell/icon.tsx";
import { locale, text } from "../shell/state.ts";
import { printShort } from "../text/money.ts";
import { fill } from "../text/text.ts";

interface AgainProps {
  models: readonly Model[];
  /** The model of the answer that is there. */
  current: string | null;
  /** Without a model: asked as the conversation is. */
  onAgain(model?: string): void;
  /** What an answer of this model would cost; null where that is not known. */
  onQuote(model: string): Promise<Quote | null>;
}

export function Again({ models, current, onAgain, onQuote }: AgainProps) {
  /** Every answer has a menu: its entries are on the page while it is open. */
  const open = useSignal(false);
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
          onToggle={() => {
            open.value = menu.current?.open ?? false;
          }}
          onFocusOut={(event) => {
            if (!menu.current?.contains(event.relatedTarget as Node | null)) close();
          }}
        >
          <summary aria-label={t.regenerateWith} title={t.regenerateWith}>
            <Icon name="caret" />
          </summary>
          {open.value && (
            <ul ref={(list) => list?.scrollIntoView({ block: "nearest" })}>
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
                    <Likely model={model.id} onQuote={onQuote} />
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
          )}
        </details>
      )}
    </>
  );
}

function Likely({ model, onQuote }: { model: string; onQuote: AgainProps["onQuote"] }) {
  const quote = useSignal<Quote | null>(null);
  useEffect(() => {
    let gone = false;
    void onQuote(model).then((answer) => {
      if (!gone) quote.value = answer;
    });
    return () => {
      gone = true;
    };
  }, [model]);
  const { likely = null, worst = null } = quote.value?.cost ?? {};
  if (likely === null) return <span class="likely" />;
  return (
    <span class="likely" title={likelyWords(likely, worst)}>
      {`≈ ${printShort(likely, locale.value)}`}
    </span>
  );
}
