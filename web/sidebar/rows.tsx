// The rows of one group: those near the view are on the page, the others an empty space of their height.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Session } from "../api/wire.ts";
import { selected } from "./selection.ts";
import { SessionRow } from "./session-row.tsx";
import { wanted } from "./sessions.ts";

/** This far above and below the view rows are on the page. */
const marginPx = 1_000;
/** They come and go by so many. */
const step = 8;
/** So many until it is known how many are near. */
const firstRows = 32;
/** All rows of a list have one height; this one until a row was measured. */
let lastRowPx = 36;

interface RowsProps {
  rows: readonly Session[];
  /** The row that Tab reaches; always on the page. */
  tabStop: string | undefined;
  /** Whether the server has more of them. */
  more: boolean;
}

export function Rows({ rows, tabStop, more }: RowsProps) {
  const list = useRef<HTMLUListElement>(null);
  const near = useSignal({ from: 0, to: firstRows, rowPx: lastRowPx, held: "" });
  const choosing = selected.value !== null;
  const { from, to, rowPx, held } = near.value;
  useLayoutEffect(() => {
    const element = list.current;
    const area = element?.closest(".session-list");
    if (!element || !area) return;
    const look = () => {
      const now = findNear(element, area, rows.length);
      const was = near.peek();
      if (now.from !== was.from || now.to !== was.to || now.rowPx !== was.rowPx || now.held !== was.held)
        near.value = now;
    };
    // The observer looks, in the same frame: here it would cost a layout in the middle of a change of the page.
    const sized = new ResizeObserver(look);
    sized.observe(area);
    area.addEventListener("scroll", look, { passive: true });
    element.addEventListener("focusin", look);
    return () => {
      sized.disconnect();
      area.removeEventListener("scroll", look);
      element.removeEventListener("focusin", look);
    };
  }, [rows, choosing, from, to]);
  const sought = wanted.value;
  useLayoutEffect(() => {
    if (sought === null || sought !== wanted.peek()) return;
    const link = list.current?.querySelector<HTMLElement>(`[data-id="${sought}"] > a`);
    if (!link) return;
    link.focus();
    wanted.value = null;
  });
  const apart = new Set([tabStop, sought, ...held.split(" ")]);
  let above = 0;
  const shown = rows.map((session, at) => {
    if ((at < from || at >= to) && !apart.has(session.id)) return null;
    const gapPx = (at - above) * rowPx;
    above = at + 1;
    const size = more ? -1 : rows.length;
    const isStop = session.id === tabStop;
    return <SessionRow key={session.id} session={session} first={isStop} gapPx={gapPx} place={above} size={size} />;
  });
  return (
    <ul ref={list} style={{ paddingBottom: `${(rows.length - above) * rowPx}px` }}>
      {shown.filter((row) => row !== null)}
    </ul>
  );
}

/** Which rows are near the view, and which stay although they are not: the reader is at work in them. */
function findNear(list: HTMLElement, area: Element, count: number) {
  const row = list.querySelector(".session-row:not(:has(form))");
  if (row) lastRowPx = row.getBoundingClientRect().height || lastRowPx;
  const rowPx = lastRowPx;
  const at = (px: number) => (px - list.offsetTop) / rowPx / step;
  const from = Math.floor(at(area.scrollTop - marginPx)) * step;
  const to = Math.ceil(at(area.scrollTop + area.clientHeight + marginPx)) * step;
  const within = (n: number) => Math.max(0, Math.min(count, n));
  const held = [...list.querySelectorAll<HTMLElement>(".session-row:is(:focus-within, :has(form))")];
  return { from: within(from), to: within(to), rowPx, held: held.map(({ dataset }) => dataset.id).join(" ") };
}
