// What is shown once: a key's secret, or a token.

import { words } from "../rooms/words.ts";
import { CopyButton } from "../shell/button.tsx";
import { Dialog } from "../shell/dialog.tsx";

interface SecretProps {
  title: string;
  more: string;
  secret: string;
  copy: string;
  onDone(): void;
}

export function SecretDialog({ title, more, secret, copy, onDone }: SecretProps) {
  return (
    <Dialog title={title} onClose={onDone} keep>
      <div class="secret">
        <p>{more}</p>
        <code>{secret}</code>
      </div>
      <div class="dialog-actions">
        <CopyButton read={() => secret} label={copy} wordy />
        <button type="button" class="button strong" data-first onClick={onDone}>
          {words.value.done}
        </button>
      </div>
    </Dialog>
  );
}
