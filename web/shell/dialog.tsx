// A modal dialog: the browser's own, with its focus and Escape; closes on its backdrop too.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "./button.tsx";
import { text } from "./state.ts";

interface DialogProps {
  title: string;
  onClose(): void;
  /** A click beside it does not close it: what was typed, or is shown once, would be lost. */
  keep?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, keep = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // At once, so that the next key already goes into it; what should have the focus first says so itself.
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    opened?.querySelector<HTMLElement>("[data-first]")?.focus();
    // Closed before it goes, so that the focus goes back to what opened it.
    return () => opened?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the backdrop is for pointers; keyboards have Escape and the button
    <dialog
      ref={dialog}
      aria-labelledby="dialog-title"
      onClose={onClose}
      onClick={(event) => !keep && event.target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <IconButton icon="close" label={text.value.close} onClick={() => dialog.current?.close()} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
