// The page's icons: one stroke style, the colour of the text around them, silent for screen readers.

const paths = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  close: "M6 6l12 12M18 6L6 18",
  pencil: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  trash: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10 11v5M14 11v5",
  restore: "M4 9h11a5 5 0 0 1 0 10h-4M4 9l4-4M4 9l4 4",
  send: "M12 19V5M6 11l6-6 6 6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.500l5 5L19 7",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  retry: "M20 11a8 8 0 1 0-2.300 6.300M20 5v6h-6",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.01",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.01",
  book: "M5 4h10a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h10",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400",
  moon: "M19 14.500A8 8 0 0 1 9.500 5a7.500 7.500 0 1 0 9.500 9.500z",
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  wrap: "M4 6h16M4 12h13a3.500 3.500 0 0 1 0 7h-4M15 16l-3 3 3 3M4 18h4",
  leave: "M10 4H5v16h5M9 12h11M16 8l4 4-4 4",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  bars: "M4 20h16M7 16v-5M12 16V6M17 16v-8",
  server: "M4 5h16v6H4zM4 13h16v6H4zM8 8v.01M8 16v.01",
  open: "M4 19V6h5l2 2h9v11zM12 17v-6M9 13.500l3-3 3 3",
  pin: "M9 4h6l-1 7 3 3H7l3-3zM12 14v6",
  bell: "M6 17h12l-2-3V10a4 4 0 0 0-8 0v4zM10 20h4",
  select: "M4 4h16v16H4zM8 12l3 3 5-6",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  caret: "M6 9l6 6 6-6",
} as const;

export type IconName = keyof typeof paths | "stop";

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {name === "stop" ? <rect class="filled" x="7" y="7" width="10" height="10" rx="2" /> : <path d={paths[name]} />}
    </svg>
  );
}

/** The two speech bubbles of the page's name. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <path class="logo-back" d="M13 4h12a4 4 0 0 1 4 4v7a4 4 0 0 1-4 4v4l-5-4h-7a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z" />
      <path
        class="logo-front"
        d="M7 10h11a4 4 0 0 1 4 4v6a4 4 0 0 1-4 4h-6l-5 4.500V24a4 4 0 0 1-4-4v-6a4 4 0 0 1 4-4z"
      />
    </svg>
  );
}
