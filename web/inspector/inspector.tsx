// The inspector: beside the conversation on wide screens, over it on narrow ones; cost is read next to the answer, not on top of it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../shell/button.tsx";
import { isComposing } from "../shell/keys.ts";
import { text } from "../shell/state.ts";
import type { InspectorTab } from "./inspector.ts";

interface InspectorProps {
  tab: InspectorTab;
  /** Lies over the conversation, which then takes no focus. */
  over: boolean;
  onTab(tab: InspectorTab): void;
  onClose(): void;
  children: ComponentChildren;
}

const tabs: readonly InspectorTab[] = ["cost", "settings"];

export function Inspector({ tab, over, onTab, onClose, children }: InspectorProps) {
  const close = useRef<HTMLDivElement>(null);
  useEffect(() => {
    close.current?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
  }, []);
  const names: Record<InspectorTab, string> = { cost: text.value.cost, settings: text.value.settings };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || isComposing(event)) return;
    event.stopPropagation();
    onClose();
  };
  const onTabKey = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = tab === "cost" ? "settings" : "cost";
    onTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <>
      {over && (
        // biome-ignore lint/a11y/noStaticElementInteractions: a backdrop; keyboards have Escape and the button
        // biome-ignore lint/a11y/useKeyWithClickEvents: a backdrop; keyboards have Escape and the button
        <div class="backdrop" onClick={onClose} />
      )}
      <aside class="inspector" aria-label={text.value.inspector} onKeyDown={onKeyDown} ref={close}>
        <header>
          <div role="tablist" aria-label={text.value.inspector}>
            {tabs.map((one) => (
              <button
                type="button"
                key={one}
                id={`tab-${one}`}
                role="tab"
                aria-selected={tab === one}
                aria-controls="inspector-panel"
                tabIndex={tab === one ? 0 : -1}
                onClick={() => onTab(one)}
                onKeyDown={onTabKey}
              >
                {names[one]}
              </button>
            ))}
          </div>
          <IconButton icon="close" label={text.value.close} onClick={onClose} />
        </header>
        <div class="panel" id="inspector-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          {children}
        </div>
      </aside>
    </>
  );
}
