// A dialog whose inside is fetched when it is first opened. It is there at once: what is typed meanwhile goes to nothing below it.

import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { Dialog } from "./dialog.tsx";
import { showToast, text } from "./state.ts";

interface LateProps {
  open: Signal<boolean>;
  title: string;
  /** It begins with a field, and is given what was typed before it had come. */
  typing?: boolean;
  load(): Promise<ComponentType<{ typed: string }>>;
}

export function Late({ open, title, typing = false, load }: LateProps) {
  const view = useSignal<{ View: ComponentType<{ typed: string }> } | null>(null);
  const typed = useSignal("");
  useSignalEffect(() => {
    typed.value = "";
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
  if (!open.value) return null;
  return (
    <Dialog title={title} onClose={() => (open.value = false)}>
      {View ? (
        <View typed={typed.value} />
      ) : (
        typing && (
          <div class="palette">
            <input
              data-first
              dir="auto"
              aria-label={title}
              onInput={(event) => (typed.value = event.currentTarget.value)}
            />
          </div>
        )
      )}
    </Dialog>
  );
}
