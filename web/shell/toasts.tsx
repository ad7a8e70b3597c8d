// Short notes that leave by themselves, but not while the reader's pointer or focus is on them.

import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "./button.tsx";
import { focusField } from "./focus.ts";
import { announcement, dismissToast, room, route, type Toast, text, toasts } from "./state.ts";

const shownMs = 8000;

export function Toasts() {
  return (
    <>
      <div class="toasts" data-low={route.value === null && room.value === null} role="status">
        {toasts.value.map((toast) => (
          <ToastView key={toast.id} toast={toast} />
        ))}
      </div>
      <div class="hidden" role="status">
        {announcement.value}
      </div>
    </>
  );
}

function ToastView({ toast }: { toast: Toast }) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const start = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => dismissToast(toast.id), shownMs);
  };
  const hold = () => clearTimeout(timer.current);
  const close = () => {
    dismissToast(toast.id);
    focusField();
  };
  useEffect(() => {
    start();
    return hold;
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the handlers only keep the note from leaving
    <div class="toast" onMouseEnter={hold} onMouseLeave={start} onFocusIn={hold} onFocusOut={start}>
      <span>{toast.message}</span>
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
