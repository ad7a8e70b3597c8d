// Hours of the week in which a price holds: read from a row's `when`, and asked about a moment. All of it in UTC.

/** As it is written in a row: "01:00-04:00,06:00-10:00" and "1-5" (1 is Monday). What is absent is all day, or every day. */
export interface When {
  hoursUtc?: string;
  weekdays?: string;
}

/** A piece of the week, in minutes from Monday 00:00; the end is outside. */
export interface WeekSpan {
  from: number;
  to: number;
}

const dayMinutes = 24 * 60;
const weekMinutes = 7 * dayMinutes;
/** 1970-01-01 was a Thursday. */
const epochMinute = 3 * dayMinutes;

/** The pieces of the week that it names. Undefined where it cannot be read. */
export function readWhen({ hoursUtc = "00:00-24:00", weekdays = "1-7" }: When): WeekSpan[] | undefined {
  const hours = hoursUtc.split(",").map(readHours);
  const days = weekdays.split(",").map(readDays);
  const spans: WeekSpan[] = [];
  for (const day of days) {
    if (!day) return undefined;
    for (let weekday = day.from; weekday <= day.to; weekday++) {
      for (const span of hours) {
        if (!span) return undefined;
        const start = (weekday - 1) * dayMinutes;
        spans.push({ from: start + span.from, to: start + span.to });
      }
    }
  }
  return spans;
}

/** Whether a moment (ms since 1970) is in one of the pieces. */
export function isWithin(spans: readonly WeekSpan[], atMs: number): boolean {
  const minute = Math.floor(atMs / 60_000) + epochMinute;
  const ofWeek = ((minute % weekMinutes) + weekMinutes) % weekMinutes;
  return spans.some(({ from, to }) => from <= ofWeek && ofWeek < to);
}

export function overlaps(a: readonly WeekSpan[], b: readonly WeekSpan[]): boolean {
  return a.some((one) => b.some((other) => one.from < other.to && other.from < one.to));
}

function readHours(text: string): WeekSpan | undefined {
  const match = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(text);
  if (!match) return undefined;
  const from = Number(match[1]) * 60 + Number(match[2]);
  const to = Number(match[3]) * 60 + Number(match[4]);
  return from < to && to <= dayMinutes ? { from, to } : undefined;
}

function readDays(text: string): WeekSpan | undefined {
  const match = /^([1-7])(?:-([1-7]))?$/.exec(text);
  if (!match) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return from <= to ? { from, to } : undefined;
}
