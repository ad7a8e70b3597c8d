// The whole page: the list on one side, the open conversation on the other.

import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Conversation } from "./conversation/conversation.tsx";
import { beginAnew, chat } from "./conversation/current.ts";
import { Header } from "./conversation/header.tsx";
import { ReceiptDialog } from "./inspector/receipt.tsx";
import { SettingsDialog } from "./inspector/settings.tsx";
import { Banners } from "./shell/banner.tsx";
import { KeyForm } from "./shell/key-form.tsx";
import { drawerOpen, goTo, keyNeeded, text } from "./shell/state.ts";
import { Toasts } from "./shell/toasts.tsx";
import { Sidebar } from "./sidebar/sidebar.tsx";

export function App() {
  useSignalEffect(() => {
    const title = chat.value.session.value?.title;
    document.title = title ? `${title} · ${text.value.appName}` : text.value.appName;
  });
  useEffect(() => {
    document.addEventListener("keydown", onShortcut);
    return () => document.removeEventListener("keydown", onShortcut);
  }, []);
  if (keyNeeded.value) return <KeyForm />;
  const open = chat.value;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("composer")?.focus()}>
        {text.value.skipToMessage}
      </button>
      <Sidebar />
      <div class="page">
        <Banners />
        <Header chat={open} />
        <Conversation chat={open} />
      </div>
      <ReceiptDialog />
      <SettingsDialog chat={open} />
      <Toasts />
    </>
  );
}

/** Ctrl/Cmd+K searches, Ctrl/Cmd+Shift+O begins a conversation. */
function onShortcut(event: KeyboardEvent): void {
  if (!event.ctrlKey && !event.metaKey) return;
  if (event.code === "KeyK" && !event.shiftKey) {
    event.preventDefault();
    drawerOpen.value = true;
    requestAnimationFrame(() => document.getElementById("search")?.focus());
  } else if (event.code === "KeyO" && event.shiftKey) {
    event.preventDefault();
    goTo(null);
    beginAnew();
  }
}
