// What kind of answer the caller would rather have (RFC 9110, 12.5.1).

/** Whether events are named, in any case, and wanted no less than JSON. */
export function prefersEvents(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const events = qualityOf(accept, ["text/event-stream"]);
  return events > 0 && events >= qualityOf(accept, ["application/json", "application/*", "*/*"]);
}

/** Of the first of these ranges that is named: 0 to 1; 0 when none is. */
function qualityOf(accept: string, ranges: string[]): number {
  const named = accept.split(",").map((part) => {
    const [range = "", ...parameters] = part.split(";").map((word) => word.trim().toLowerCase());
    const quality = parameters.find((word) => word.startsWith("q="));
    return { range, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
  });
  for (const wanted of ranges) {
    const found = named.find(({ range }) => range === wanted);
    if (found) return found.quality;
  }
  return 0;
}
