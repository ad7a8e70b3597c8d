// The inspector joined to the open conversation: which receipt, which settings, and what changing them does.

import type { Chat } from "./conversation/chat.ts";
import { dropPreset, keepPreset, loadModels, models, presets } from "./conversation/setup.ts";
import { CostSummary } from "./inspector/cost.tsx";
import { closeInspector, type InspectorTab, inspectorTab, receiptOf } from "./inspector/inspector.ts";
import { Inspector } from "./inspector/inspector.tsx";
import { ReceiptView } from "./inspector/receipt.tsx";
import { Settings } from "./inspector/settings.tsx";
import { medium, text } from "./shell/state.ts";
import { saveSession } from "./sidebar/files.ts";

export function InspectorPanel({ chat, tab, onTrash }: { chat: Chat; tab: InspectorTab; onTrash(): void }) {
  void loadModels();
  const session = chat.session.value;
  return (
    <Inspector tab={tab} over={medium.value} onTab={(next) => (inspectorTab.value = next)} onClose={closeInspector}>
      {tab === "cost" ? (
        <>
          {session ? (
            <CostSummary session={session} hidden={chat.hidden.value} />
          ) : (
            <p class="quiet">{text.value.noCostYet}</p>
          )}
          {receiptOf.value && (
            <ReceiptView key={receiptOf.value} turnId={receiptOf.value} question={questionOf(chat, receiptOf.value)} />
          )}
        </>
      ) : (
        <Settings
          setup={chat.setup.value}
          models={models.value}
          presets={presets.value}
          begun={chat.id.value !== null}
          onChange={(setup) => chat.change(setup)}
          onKeepPreset={keepPreset}
          onDropPreset={dropPreset}
          onSave={session ? (format) => void saveSession(session.id, format) : null}
          onTrash={session && !session.deleted_at ? onTrash : null}
        />
      )}
    </Inspector>
  );
}

/** The first line of what was asked. */
function questionOf(chat: Chat, turnId: string): string {
  const asked = chat.messages.value.find(({ message: { value } }) => value.turn_id === turnId && value.role === "user");
  const [line = ""] = asked?.message.value.content.trim().split("\n", 1) ?? [];
  return line.slice(0, 120);
}
