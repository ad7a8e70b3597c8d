// Days as people have them: where each begins in a time zone, in ms since 1970 UTC.

import type { Span } from "./usage-store.ts";

export const dayMs = 86_400_000;
const weekMs = 7 * dayMs;

/** Whether the runtime knows this name of a time zone (IANA, such as `Europe/Kyiv`; or `UTC`). */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A zone's clock. */
export class Calendar {
  private readonly format: Intl.DateTimeFormat | undefined;

  constructor(timeZone: string) {
    if (timeZone === "UTC") return;
    const numeric = "numeric";
    const shown = {
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    } as const;
    this.format = new Intl.DateTimeFormat("en", { timeZone, hourCycle: "h23", calendar: "iso8601", ...shown });
  }

  /** The date there at a moment, as `2026-11-27`. */
  dateAt(at: number): string {
    return new Date(at + this.offsetAt(at)).toISOString().slice(0, 10);
  }

  /** The first moment of a date there; of one that the zone left out, the first of the next. */
  startOf(date: string): number {
    const wall = Date.parse(`${date}T00:00:00Z`);
    if (!this.format) return wall;
    // The clock is set forward or back by hours at most: one of the offsets of the day before and of the day after holds.
    const starts = [wall - this.offsetAt(wall - dayMs), wall - this.offsetAt(wall + dayMs)].sort((a, b) => a - b);
    return starts.find((start) => this.dateAt(start) >= date) ?? starts[1]!;
  }

  /** The days of a stretch of time; the first and the last may be cut by it. */
  listDays({ since, until }: Span): (Span & { name: string })[] {
    const days: (Span & { name: string })[] = [];
    // To ask for an offset is slow (25 us): where it is the same a week later, no clock was set in between. No zone has ever set its
    // clock forward and back within a week since 1970.
    let checked = this.lookAhead(since);
    for (let at = since; at < until; ) {
      if (at >= checked.to) checked = this.lookAhead(at);
      const name = new Date(at + checked.offset).toISOString().slice(0, 10);
      const plain = Date.parse(`${name}T00:00:00Z`) + dayMs - checked.offset;
      const start = plain <= checked.to ? plain : this.startAfter(name, at);
      const end = Math.min(until, start);
      days.push({ name, since: at, until: end });
      at = end;
    }
    return days;
  }

  /** The offset at a moment, and until when it certainly holds. */
  private lookAhead(from: number): { to: number; offset: number } {
    const offset = this.offsetAt(from);
    return { to: this.offsetAt(from + weekMs) === offset ? from + weekMs : from, offset };
  }

  /** When the day after `date` begins; later than `at` in any case. */
  private startAfter(date: string, at: number): number {
    const start = this.startOf(addDays(date, 1));
    return start > at ? start : this.startOf(addDays(date, 2));
  }

  private offsetAt(at: number): number {
    if (!this.format) return 0;
    const part: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(at)) part[type] = Number(value);
    const { year, month, day, hour, minute, second } = part;
    const wall = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
    return wall - Math.floor(at / 1000) * 1000;
  }
}

/** A date so many days later, or earlier. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);
}
