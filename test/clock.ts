// The clock of tests: it goes as the machine's does, from a day on which nothing that the catalogue knows has retired yet.

const began = Date.now();
const testDay = Date.parse("2026-11-23T12:00:00Z");

/** Milliseconds since 1970: a test says the same next year, whatever has retired by then. */
export function testClock(): number {
  return testDay + Date.now() - began;
}
