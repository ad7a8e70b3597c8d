// What every room has: its name, the way back to the list, and its own scrolling.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../shell/button.tsx";
import { drawerOpen, folded, narrow, text, toggleList } from "../shell/state.ts";

interface FrameProps {
  title: string;
  /** Beside the title. */
  tools?: ComponentChildren;
  children: ComponentChildren;
}

export function Frame({ title, tools, children }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const open = narrow.value ? drawerOpen.value : !folded.value;
  return (
    <>
      <header class="header">
        <IconButton
          icon="menu"
          label={open ? text.value.closeList : text.value.openList}
          class="menu"
          expanded={open}
          onClick={toggleList}
        />
        <div class="heading">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
        </div>
        {tools}
      </header>
      <main class="room">
        <div class="room-column">{children}</div>
      </main>
    </>
  );
}
