// The whole page: the list on one side, the open conversation on the other.

import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { beginAnew, chat } from "../current.ts";
import { drawerOpen, goTo, keyNeeded, text } from "../state.ts";
import { Banners } from "./banner.tsx";
import { Conversation } from "./conversation.tsx";
import { Header } from "./header.tsx";
import { KeyForm } from "./key-form.tsx";
import { ReceiptDialog } from "./receipt.tsx";
import { SettingsDialog } from "./settings.tsx";
import { Sidebar } from "./sidebar.tsx";
import { Toasts } from "./toasts.tsx";

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
