// A dialog whose script is fetched when it is first opened.

import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { showToast, text } from "./state.ts";

interface LateProps {
  open: Signal<boolean>;
  load(): Promise<ComponentType>;
}

export function Late({ open, load }: LateProps) {
  const view = useSignal<{ View: ComponentType } | null>(null);
  useSignalEffect(() => {
    if (!open.value || view.peek()) return;
    load().then(
      (View) => {
        view.value = { View };
      },
      () => {
        open.value = false;
        showToast(text.peek().errors.network);
      },
    );
  });
  const View = view.value?.View;
  return View && open.value ? <View /> : null;
}
