// A question before what cannot be taken back.

import { words } from "../rooms/words.ts";
import { Dialog } from "../shell/dialog.tsx";

interface ConfirmProps {
  title: string;
  more: string;
  onConfirm(): void;
  onClose(): void;
}

export function Confirm({ title, more, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{more}</p>
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={onClose}>
          {words.value.cancel}
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            onClose();
            onConfirm();
          }}
        >
          {title}
        </button>
      </div>
    </Dialog>
  );
}
