// What every room has: its name, the way back to the list, and its own scrolling.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { serverGone } from "../api/network.ts";
import { IconButton } from "../shell/button.tsx";
import { mayOpen, me } from "../shell/me.ts";
import { Problem } from "../shell/problem.tsx";
import { drawerOpen, folded, narrow, type Room, roomTitle, text, toggleList } from "../shell/state.ts";
import { NotAllowed } from "./refusal.tsx";
import { words } from "./words.ts";

interface FrameProps {
  room: Room;
  title: string;
  /** Beside the title, and under it, above what is shown. */
  tools?: ComponentChildren;
  tabs?: ComponentChildren;
  children?: ComponentChildren;
}

export function Frame({ room, title, tools, tabs, children }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const named = words.value[room];
  useEffect(() => {
    roomTitle.value = named;
    return () => {
      roomTitle.value = null;
    };
  }, [named]);
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
        {mayOpen(room) && tools}
      </header>
      <main class="room">
        <div class="room-column">
          {tabs}
          {me.value === null && serverGone.value && <Problem code="network" detail="" />}
          {me.value === null ? null : mayOpen(room) ? children : <NotAllowed />}
        </div>
      </main>
    </>
  );
}
