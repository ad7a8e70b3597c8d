// The reader's own limit: a message that is likely to cost more is marked before it is sent.

import { useSignal } from "@preact/signals";
import { text } from "../shell/state.ts";
import { setWarnAbove, warnAbove } from "./quote.ts";

export function WarnField() {
  const words = useSignal(warnAbove.value ?? "");
  const wrong = useSignal(false);
  return (
    <label>
      <span>{text.value.warnAbove}</span>
      <input
        class="short"
        inputMode="decimal"
        placeholder="0.05"
        value={words.value}
        aria-invalid={wrong.value}
        onInput={(event) => {
          words.value = event.currentTarget.value;
          wrong.value = !setWarnAbove(words.value);
        }}
      />
    </label>
  );
}
