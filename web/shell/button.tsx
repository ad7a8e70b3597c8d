// Buttons that are only an icon, with a name for those who cannot see it; and the one that copies.

import { useSignal } from "@preact/signals";
import { Icon, type IconName } from "./icon.tsx";
import { showToast, text } from "./state.ts";

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick(event: MouseEvent): void;
  class?: string;
  disabled?: boolean;
  expanded?: boolean;
  pressed?: boolean;
  /** False: not by Tab, because the same can be done by a key where the focus is. */
  focusable?: boolean;
}

export function IconButton({
  icon,
  label,
  onClick,
  class: name = "",
  disabled,
  expanded,
  pressed,
  focusable = true,
}: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${name}`}
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled ?? false}
      aria-expanded={expanded}
      aria-pressed={pressed}
      tabIndex={focusable ? undefined : -1}
    >
      <Icon name={icon} />
    </button>
  );
}

interface CopyButtonProps {
  read(): string;
  label: string;
  /** Shows the label as words. */
  wordy?: boolean;
}

/** Copies what `read` gives; says so for two seconds. */
export function CopyButton({ read, label, wordy = false }: CopyButtonProps) {
  const done = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(read());
      done.value = true;
      setTimeout(() => {
        done.value = false;
      }, 2000);
    } catch {
      showToast(text.value.copyFailed);
    }
  };
  const icon = done.value ? "check" : "copy";
  const name = done.value ? text.value.copied : label;
  if (!wordy) return <IconButton icon={icon} label={name} onClick={copy} />;
  return (
    <button type="button" class="button small" onClick={copy}>
      <Icon name={icon} /> {name}
    </button>
  );
}
