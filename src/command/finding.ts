// What the doctor found about one thing.

export interface Finding {
  about: string;
  /** `note`: worth knowing, not wrong. */
  state: "ok" | "note" | "wrong";
  says: string;
  /** What to do, for what is wrong. */
  remedy?: string;
}

export function ok(about: string, says: string): Finding {
  return { about, state: "ok", says };
}
export function note(about: string, says: string): Finding {
  return { about, state: "note", says };
}
export function wrong(about: string, says: string, remedy: string): Finding {
  return { about, state: "wrong", says, remedy };
}

/** One finding as a line, or two. */
export function printFinding({ about, state, says, remedy }: Finding): string {
  const line = `${state.toUpperCase().padEnd(6)}${about.padEnd(10)}${says}`;
  return remedy === undefined ? line : `${line}\n${" ".repeat(16)}What to do: ${remedy}`;
}
