// What the page's own thread does: its tasks in processor time, which a busy machine does not change, and what they consist of.

import type { Page } from "playwright-core";

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  ph: string;
  /** Microseconds. */
  ts: number;
  dur?: number;
  /** Microseconds of the thread's own processor time: what other programs do on this machine is not in it. */
  tdur?: number;
  args: { name?: string; data?: Record<string, unknown>; beginData?: { dirtyObjects?: number }; elementCount?: number };
}

/** One task of the page's thread. */
export interface PageTask {
  /** Processor time. */
  ms: number;
  /** The kinds of work in it that took the most, each without what it called: "Layout 3.1". */
  work: string[];
  /** The most boxes that a script in it had laid out at once, by asking for a size in the middle of a change. */
  forced: number;
  /** How many elements it gave a style. */
  styled: number;
  /** Whether it painted. */
  painted: boolean;
}

const categories = ["devtools.timeline", "toplevel", "disabled-by-default-devtools.timeline"];

/** Watches the page's thread; the function it gives ends that and gives its tasks, the longest first. Throws where there were none. */
export async function watchTasks(page: Page): Promise<() => Promise<PageTask[]>> {
  const client = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  client.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const traceConfig = { includedCategories: categories };
  await client.send("Tracing.start", { transferMode: "ReportEvents", traceConfig });
  return async () => {
    const complete = new Promise((resolve) => client.once("Tracing.tracingComplete", resolve));
    await client.send("Tracing.end");
    await complete;
    await client.detach();
    return readTasks(events);
  };
}

function readTasks(events: readonly TraceEvent[]): PageTask[] {
  const threads = new Set(
    events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(threadOf),
  );
  const spans = events
    .filter((event) => event.ph === "X" && event.tdur !== undefined && threads.has(threadOf(event)))
    .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  const tasks: PageTask[] = [];
  const own = new Map<string, number>();
  const open: TraceEvent[] = [];
  let forced = 0;
  let styled = 0;
  let painted = false;
  const end = (task: TraceEvent) => {
    const parts = [...own].sort((a, b) => b[1] - a[1]).slice(0, 6);
    tasks.push({
      ms: (task.tdur ?? 0) / 1000,
      work: parts.filter(([, us]) => us > 100).map(([name, us]) => `${name} ${(us / 1000).toFixed(1)}`),
      forced,
      styled,
      painted,
    });
    forced = 0;
    styled = 0;
    painted = false;
    own.clear();
  };
  for (const span of spans) {
    while (open.length > 0 && !holds(open.at(-1)!, span)) {
      const over = open.pop()!;
      if (open.length === 0 && over.name === "RunTask") end(over);
    }
    const outer = open.at(-1);
    if (!outer && span.name !== "RunTask") continue;
    if (outer) own.set(nameOf(outer), (own.get(nameOf(outer)) ?? 0) - (span.tdur ?? 0));
    own.set(nameOf(span), (own.get(nameOf(span)) ?? 0) + (span.tdur ?? 0));
    open.push(span);
    styled += span.args.elementCount ?? 0;
    painted ||= span.name === "Paint";
    if (span.name === "Layout" && open.some(({ name }) => name === "FunctionCall"))
      forced = Math.max(forced, span.args.beginData?.dirtyObjects ?? 0);
  }
  const [task] = open;
  if (task) end(task);
  if (tasks.length === 0) throw new Error("the trace has no task of the page");
  return tasks.sort((a, b) => b.ms - a.ms);
}

const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
const holds = (outer: TraceEvent, inner: TraceEvent): boolean =>
  threadOf(outer) === threadOf(inner) && inner.ts < outer.ts + (outer.dur ?? 0);

/** Scripts by the function that was called. */
function nameOf({ name, args }: TraceEvent): string {
  const inner = args.data?.functionName ?? args.data?.type;
  return typeof inner === "string" && inner !== "" ? `${name}:${inner}` : name;
}
