// The keys that were shown lately, in memory: a request with a known key reads nothing, and a change is seen within a second.

import type { CallerStore } from "./caller-store.ts";
import { type FoundKey, hashSecret } from "./key.ts";

/** The database's count of changes is read at most this often, by whoever shows a key; what is remembered is never older. */
const checkEveryMs = 500;
const mostKnown = 10_000;
/** Dummies that clients send where no key is needed. */
const mostUnknown = 1_000;
const usualTouchMs = 60_000;

type Sought<T> = T | Promise<T>;

export class KeyRing {
  private readonly store: CallerStore;
  private readonly now: () => number;
  private readonly known = new Map<string, FoundKey>();
  private readonly unknown = new Map<string, null>();
  private version: number | undefined;
  private checkedAt = Number.NEGATIVE_INFINITY;
  private checking: Promise<void> | undefined;
  /** Grows whenever everything is forgotten: what was read before is not remembered after. */
  private age = 0;
  private readonly used = new Map<string, number>();
  private readonly touchEveryMs: number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private touching: Promise<void> = Promise.resolve();

  constructor(store: CallerStore, now: () => number, touchEveryMs = usualTouchMs) {
    this.touchEveryMs = touchEveryMs;
    this.store = store;
    this.now = now;
  }

  /** The key that a secret opens, or opened once; null when there was never one. The same work for every secret. */
  find(secret: string): Sought<FoundKey | null> {
    const { hash } = hashSecret(secret);
    return this.recall(`hash ${hash}`, () => this.store.findKeyByHash(hash));
  }

  findById(id: string): Sought<FoundKey | null> {
    return this.recall(`id ${id}`, () => this.store.findKeyById(id));
  }

  /** The key has opened something. Written down once a minute, beside the requests. */
  noteUse(id: string): void {
    this.used.set(id, this.now());
    this.timer ??= setTimeout(() => this.touch(), this.touchEveryMs).unref();
  }

  /** Another process, or this one, has changed a key. */
  forget(): void {
    this.age++;
    this.known.clear();
    this.unknown.clear();
  }

  /** Writes down what was used since. */
  async close(): Promise<void> {
    this.touch();
    await this.touching;
  }

  private touch(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.used.size === 0) return;
    const used = [...this.used].map(([id, at]) => ({ id, at }));
    this.used.clear();
    // A moment that is not written down is no loss: the next use brings another.
    this.touching = this.store.touchKeys(used).catch(() => {});
  }

  private recall(name: string, read: () => Promise<FoundKey | undefined>): Sought<FoundKey | null> {
    if (performance.now() - this.checkedAt >= checkEveryMs) return this.recallChecked(name, read);
    const found = this.known.get(name) ?? this.unknown.get(name);
    return found === undefined ? this.readOne(name, read) : found;
  }

  private async recallChecked(name: string, read: () => Promise<FoundKey | undefined>): Promise<FoundKey | null> {
    this.checking ??= this.check();
    await this.checking;
    return this.known.get(name) ?? this.unknown.get(name) ?? this.readOne(name, read);
  }

  private async check(): Promise<void> {
    const askedAt = performance.now();
    try {
      const version = await this.store.readCallerVersion();
      if (version !== this.version) this.forget();
      this.version = version;
      this.checkedAt = askedAt;
    } finally {
      this.checking = undefined;
    }
  }

  private async readOne(name: string, read: () => Promise<FoundKey | undefined>): Promise<FoundKey | null> {
    const { age } = this;
    const found = (await read()) ?? null;
    if (age !== this.age) return found;
    if (found) keep(this.known, name, found, mostKnown);
    else keep(this.unknown, name, null, mostUnknown);
    return found;
  }
}

/** The one that came first gives way. */
function keep<T>(map: Map<string, T>, name: string, value: T, most: number): void {
  const [oldest] = map.keys();
  if (map.size >= most && oldest !== undefined) map.delete(oldest);
  map.set(name, value);
}
