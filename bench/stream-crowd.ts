// Many streams held open at once by one client: when each delta came, and how each stream ended.

export interface Crowd {
  opened: number;
  ended: number;
  /** Streams that ended without their `turn-end`, or never began. */
  dropped: string[];
  deltas: number;
  /** The longest times between two reads of one stream that brought deltas, in milliseconds; one entry for each stream. */
  gaps: number[];
}

export type OpenStream = (index: number) => Promise<Response>;

const decoder = new TextDecoder();

/** Opens streams `from` .. `to` - 1 evenly over `rampMs` and leaves them running. */
export async function openCrowd(
  crowd: Crowd,
  range: { from: number; to: number },
  rampMs: number,
  open: OpenStream,
  endMark: string,
  running: Promise<void>[],
): Promise<void> {
  const began = performance.now();
  for (let index = range.from; index < range.to; index++) {
    const due = began + (rampMs * (index - range.from)) / (range.to - range.from);
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    running.push(follow(crowd, index, open, endMark));
  }
}

export function newCrowd(): Crowd {
  return { opened: 0, ended: 0, dropped: [], deltas: 0, gaps: [] };
}

async function follow(crowd: Crowd, index: number, open: OpenStream, endMark: string): Promise<void> {
  let longest = 0;
  let last = 0;
  let tail = "";
  let whole = false;
  try {
    const response = await open(index);
    if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`);
    crowd.opened++;
    for await (const chunk of response.body) {
      const text = decoder.decode(chunk);
      whole ||= (tail + text).includes(endMark);
      tail = text.slice(-100);
      if (!text.includes('"text"')) continue;
      const now = performance.now();
      if (last > 0) longest = Math.max(longest, now - last);
      last = now;
      crowd.deltas++;
    }
    if (!whole) throw new Error(`no end: ${tail}`);
    crowd.ended++;
  } catch (cause) {
    if (crowd.dropped.length < 5) crowd.dropped.push(cause instanceof Error ? cause.message : String(cause));
  }
  crowd.gaps.push(longest);
}
