// The whole page: the list on one side, the open conversation in the middle, the inspector on the other side when asked for.

import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { serverGone } from "./api/network.ts";
import { Conversation } from "./conversation/conversation.tsx";
import { chat } from "./conversation/current.ts";
import { Header } from "./conversation/header.tsx";
import { loadModels } from "./conversation/setup.ts";
import { closeInspector, inspectorTab, showCost, showSettings } from "./inspector/inspector.ts";
import { InspectorPanel } from "./inspector-panel.tsx";
import { onShortcut } from "./keyboard.ts";
import { RoomView } from "./rooms/room-view.tsx";
import { Banners } from "./shell/banner.tsx";
import { KeyForm } from "./shell/key-form.tsx";
import { Late } from "./shell/late.tsx";
import {
  closeDemo,
  demoSeen,
  drawerOpen,
  folded,
  health,
  keyNeeded,
  medium,
  narrow,
  paletteOpen,
  room,
  roomTitle,
  sheetOpen,
  text,
  toggleList,
  trashShown,
} from "./shell/state.ts";
import { Toasts } from "./shell/toasts.tsx";
import { trashSession } from "./sidebar/sessions.ts";
import { Sidebar } from "./sidebar/sidebar.tsx";
import { EraseDialog } from "./sidebar/trash.tsx";
import { unread } from "./sidebar/unread.ts";

export function App() {
  useSignalEffect(() => {
    const list = trashShown.value ? text.value.trash : null;
    const title = room.value === null ? (chat.value.session.value?.title ?? list) : roomTitle.value;
    const count = unread.value.size > 0 ? `(${unread.value.size}) ` : "";
    document.title = count + (title ? `${title} · ${text.value.appName}` : text.value.appName);
  });
  useEffect(() => {
    void loadModels();
    document.addEventListener("keydown", onShortcut);
    return () => document.removeEventListener("keydown", onShortcut);
  }, []);
  if (keyNeeded.value) return <KeyForm />;
  const open = chat.value;
  const session = open.session.value;
  const inspecting = room.value === null ? inspectorTab.value : null;
  const overlaid = (narrow.value && drawerOpen.value) || (medium.value && inspecting !== null);
  const demo = health.value?.mode === "demo";
  const trash = () => {
    if (!session) return;
    closeInspector();
    void trashSession(session.id);
  };
  const conversation = () => (
    <>
      <Header
        session={session}
        untitled={
          open.id.value === null
            ? text.value.newConversation
            : open.loadError.value
              ? text.value.appName
              : text.value.loading
        }
        running={open.running.value?.live.value?.usage?.cost ?? null}
        demo={demo && demoSeen.value}
        listOpen={narrow.value ? drawerOpen.value : !folded.value}
        onToggleList={toggleList}
        onShowCost={() => showCost(null)}
        onShowSettings={showSettings}
        onTrash={trash}
      />
      <Conversation chat={open} />
    </>
  );
  return (
    <div class="frame" data-folded={!narrow.value && folded.value} data-inspector={inspecting !== null}>
      <button type="button" class="skip" onClick={() => document.getElementById("composer")?.focus()}>
        {text.value.skipToMessage}
      </button>
      <Sidebar />
      <div class="page" inert={overlaid}>
        <Banners demo={demo && !demoSeen.value} gone={serverGone.value} onCloseDemo={closeDemo} />
        {room.value === null ? conversation() : <RoomView room={room.value} />}
      </div>
      {inspecting !== null && <InspectorPanel chat={open} tab={inspecting} onTrash={trash} />}
      <Late
        open={paletteOpen}
        title={text.value.palette}
        typing
        load={async () => (await import("./palette.tsx")).Palette}
      />
      <EraseDialog />
      <Late
        open={sheetOpen}
        title={text.value.shortcuts}
        load={async () => (await import("./shell/shortcuts.tsx")).Shortcuts}
      />
      <Toasts />
    </div>
  );
}
