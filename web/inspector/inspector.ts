// What the inspector beside the conversation shows: the cost of one answer and of all, or the settings; closed by default.

import { signal } from "@preact/signals";

export type InspectorTab = "cost" | "settings";
export const inspectorTab = signal<InspectorTab | null>(null);
/** The answer whose receipt is shown; null: only the conversation's total. */
export const receiptOf = signal<string | null>(null);
let openedBy: HTMLElement | null = null;

function open(tab: InspectorTab): void {
  if (inspectorTab.value === null) openedBy = document.activeElement as HTMLElement | null;
  inspectorTab.value = tab;
}

export function showCost(turnId: string | null): void {
  receiptOf.value = turnId;
  open("cost");
}

export function showSettings(): void {
  open("settings");
}

/** Focus goes back to what opened it. */
export function closeInspector(): void {
  if (inspectorTab.value === null) return;
  inspectorTab.value = null;
  receiptOf.value = null;
  if (openedBy?.isConnected) openedBy.focus();
  else document.getElementById("composer")?.focus();
  openedBy = null;
}
