// Dates as the reader's language writes them, and the headings of the list.

import type { Text } from "./text.ts";

const dayMs = 86_400_000;

export function printDateTime(locale: string, at: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

export function printDate(locale: string, at: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(at));
}

/** The heading a conversation stands under: today, yesterday, the last week, or its month. */
export function headingOf(locale: string, text: Text, at: string, now = new Date()): string {
  const date = new Date(at);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (date.getTime() >= midnight) return text.today;
  if (date.getTime() >= midnight - dayMs) return text.yesterday;
  if (date.getTime() >= midnight - 7 * dayMs) return text.lastWeek;
  const heading = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" }).format(date);
  return heading.charAt(0).toUpperCase() + heading.slice(1);
}
