// The button that asks the same question again.

import { Icon } from "../shell/icon.tsx";
import { text } from "../shell/state.ts";

export function RetryButton({ free, onRetry }: { free: boolean; onRetry(): void }) {
  return (
    <button type="button" class="button small" disabled={!free} onClick={onRetry}>
      <Icon name="retry" /> {text.value.tryAgain}
    </button>
  );
}
