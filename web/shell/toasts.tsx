// Short notes that leave by themselves, but not while the reader's pointer or focus is on them. One at a time, the newest first.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "./button.tsx";
import { focusField } from "./focus.ts";
import { announcement, dismissToast, type Toast, text, toasts } from "./state.ts";

const shownMs = 8000;

export function Toasts() {
  /** The one that the reader is at: none comes before it, so that no click meets another. */
  const held = useSignal(0);
  const toast = toasts.value.find(({ id }) => id === held.value) ?? toasts.value.at(-1);
  return (
    <>
      <div class="toasts" role="status">
        {toast && <ToastView key={toast.id} toast={toast} onHold={(yes) => (held.value = yes ? toast.id : 0)} />}
      </div>
      <div class="hidden" role="status">
        {announcement.value}
      </div>
    </>
  );
}

function ToastView({ toast, onHold }: { toast: Toast; onHold(yes: boolean): void }) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const start = () => {
    onHold(false);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => dismissToast(toast.id), shownMs);
  };
  const hold = () => {
    onHold(true);
    clearTimeout(timer.current);
  };
  const close = () => {
    dismissToast(toast.id);
    focusField();
  };
  useEffect(() => {
    start();
    return () => clearTimeout(timer.current);
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the handlers only keep the note from leaving
    <div class="toast" onMouseEnter={hold} onMouseLeave={start} onFocusIn={hold} onFocusOut={start}>
      <span title={toast.message}>{toast.message}</span>
      {toast.action && (
        <button
          type="button"
          class="button small"
          onClick={() => {
            toast.action?.run();
            close();
          }}
        >
          {toast.action.label}
        </button>
      )}
      <IconButton icon="close" label={text.value.dismiss} onClick={close} />
    </div>
  );
}
