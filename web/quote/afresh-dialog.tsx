// Before a fresh conversation is begun with a summary: what will happen, and what that costs.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Quote } from "../api/wire.ts";
import { Dialog } from "../shell/dialog.tsx";
import { locale, text } from "../shell/state.ts";
import { printShort } from "../text/money.ts";
import { count, fill } from "../text/text.ts";

interface AfreshProps {
  /** What goes along with the next message as things are. */
  tokens: number;
  onQuote(): Promise<Quote | null>;
  onBegin(): void;
  onClose(): void;
}

export function AfreshDialog({ tokens, onQuote, onBegin, onClose }: AfreshProps) {
  const quote = useSignal<Quote | null>(null);
  useEffect(() => {
    void onQuote().then((answer) => {
      quote.value = answer;
    });
  }, []);
  const t = text.value;
  const print = (usd: string | null | undefined) => (usd ? printShort(usd, locale.value) : "—");
  const { likely, worst } = quote.value?.cost ?? {};
  return (
    <Dialog title={t.afresh} onClose={onClose}>
      <p>{fill(t.afreshMore, { tokens: count(t, locale.value, "tokens", tokens) })}</p>
      <p class="quiet" role="status">
        {quote.value ? fill(t.afreshCost, { likely: print(likely), worst: print(worst) }) : t.loading}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={onClose}>
          {t.cancel}
        </button>
        <button type="button" class="button strong" disabled={!quote.value?.accepted} onClick={onBegin}>
          {t.afreshGo}
        </button>
      </div>
    </Dialog>
  );
}
