// Dates and spans as the reader's locale writes them, and the headings of the list.

import { dateFormat, numberFormat } from "./formats.ts";
import type { Text } from "./text.ts";

const dayMs = 86_400_000;

export function printDateTime(locale: string, at: string): string {
  return dateFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

export function printDate(locale: string, at: string): string {
  return dateFormat(locale, { dateStyle: "medium" }).format(new Date(at));
}

/** A day that the server names without a time, e.g. of a price: the same day wherever it is read. */
export function printDay(locale: string, day: string): string {
  return dateFormat(locale, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

/** The time alone for today, with the day for what is older. */
export function printMoment(locale: string, at: string, now = new Date()): string {
  const date = new Date(at);
  const today = date.toDateString() === now.toDateString();
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  const year: Intl.DateTimeFormatOptions = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  const time: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };
  return dateFormat(locale, today ? time : { ...day, ...year, ...time }).format(date);
}

/** A span of time, e.g. "1.2 s"; null where one of its ends is not known. */
export function printSpan(locale: string, from: string | null, to: string | null): string | null {
  if (from === null || to === null) return null;
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  const options = {
    style: "unit",
    unit: "second",
    unitDisplay: "short",
    maximumFractionDigits: seconds < 10 ? 2 : 1,
  } as const;
  return numberFormat(locale, options).format(seconds);
}

/** The heading a conversation stands under: today, yesterday, the last week, or its month. */
export function headingOf(locale: string, text: Text, at: string, now = new Date()): string {
  const date = new Date(at);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (date.getTime() >= midnight) return text.today;
  if (date.getTime() >= midnight - dayMs) return text.yesterday;
  if (date.getTime() >= midnight - 7 * dayMs) return text.lastWeek;
  const key = `${locale} ${date.getFullYear()}-${date.getMonth()}`;
  const known = months.get(key);
  if (known !== undefined) return known;
  const month = dateFormat(locale, { month: "long", year: "numeric" }).format(date);
  const heading = month.charAt(0).toUpperCase() + month.slice(1);
  months.set(key, heading);
  return heading;
}

/** A long list asks for the heading of each row. */
const months = new Map<string, string>();

const two = (n: number) => String(n).padStart(2, "0");

/** The reader's own day, as the API and date fields write it. */
export function printLocalDay(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The reader's own time, to the minute, as time fields write it. */
export function printLocalTime(date: Date): string {
  return `${printLocalDay(date)}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
