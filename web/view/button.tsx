// Buttons that are only an icon, with a name for those who cannot see it; and the one that copies.

import { useSignal } from "@preact/signals";
import { showToast, text } from "../state.ts";
import { Icon, type IconName } from "./icon.tsx";

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick(event: MouseEvent): void;
  class?: string;
  disabled?: boolean;
  expanded?: boolean;
}

export function IconButton({ icon, label, onClick, class: name = "", disabled, expanded }: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${name}`}
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled ?? false}
      aria-expanded={expanded}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Copies what `read` gives; says so for two seconds. */
export function CopyButton({ read, label, class: name = "" }: { read(): string; label: string; class?: string }) {
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
  return (
    <IconButton
      icon={done.value ? "check" : "copy"}
      label={done.value ? text.value.copied : label}
      onClick={copy}
      class={name}
    />
  );
}
