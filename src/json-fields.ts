// Reads a JSON object field by field and writes down everything that is missing, wrong or unknown.

/** Reads the fields of one JSON object, writing down what is missing, wrong or unknown instead of stopping at it. */
export class Fields {
  readonly #object: Record<string, unknown>;
  readonly #place: string;
  readonly #mistakes: string[];
  readonly #known = new Set<string>();

  constructor(json: unknown, place: string, mistakes: string[]) {
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    if (!isObject) mistakes.push(`${place}: must be an object`);
    this.#object = isObject ? (json as Record<string, unknown>) : {};
    this.#place = place;
    this.#mistakes = mistakes;
  }

  #take<T>(name: string, must: string, isGood: (value: unknown) => value is T, fallback: T): T {
    this.#known.add(name);
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    if (isGood(value)) return value;
    this.#mistakes.push(
      `${this.#place}.${name}: ${value === undefined ? "is missing, it" : JSON.stringify(value)} must be ${must}`,
    );
    return fallback;
  }

  text(name: string): string {
    return this.#take(name, "a text", isText, "?");
  }
  date(name: string): string {
    return this.#take(name, "a date like 2026-12-01 or a time like 2026-12-01T08:00:00Z", isDate, "1970-01-01");
  }
  price(name: string): string {
    const must = 'USD per million tokens, below 100000, as a decimal string with at most six decimals, like "0.30"';
    return this.#take(name, must, (value) => isDecimal(value, 6), "0");
  }
  perThousand(name: string): string {
    const must = 'USD per thousand, below 100000, as a decimal string with at most nine decimals, like "35"';
    return this.#take(name, must, (value) => isDecimal(value, 9), "0");
  }
  flag(name: string): boolean {
    return this.#take(name, "true or false", (value) => typeof value === "boolean", true);
  }
  oneOf<T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
    return this.#take(
      name,
      `one of ${allowed.join(", ")}`,
      (value): value is T => allowed.includes(value as T),
      allowed[0],
    );
  }
  count(name: string): number {
    return this.#take(name, "a whole number above 0", isCount, 1);
  }
  /** The names in an object whose keys are data. Those that do not fit are written down. */
  names(pattern: RegExp, must: string): string[] {
    const names = Object.keys(this.#object);
    for (const name of names.filter((key) => !pattern.test(key)))
      this.#mistakes.push(`${this.#place}.${name}: the name must be ${must}`);
    return names.filter((key) => pattern.test(key));
  }
  child(name: string): Fields {
    this.#known.add(name);
    return new Fields(this.#object[name], `${this.#place}.${name}`, this.#mistakes);
  }
  /** Reads a field only if it is there. */
  optional<T>(name: string, read: (name: string) => T): T | undefined {
    this.#known.add(name);
    return this.#object[name] === undefined ? undefined : read(name);
  }
  /** Names every field that nobody asked for. */
  end(): void {
    for (const name of Object.keys(this.#object))
      if (!this.#known.has(name)) this.#mistakes.push(`${this.#place}.${name}: there is no such field`);
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function isDate(value: unknown): value is string {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(value)) return false;
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(value.slice(0, 10)); // the 30th of February is no date
}

function isDecimal(value: unknown, decimals: number): value is string {
  if (typeof value !== "string" || !/^\d{1,5}(\.\d+)?$/.test(value)) return false;
  const fraction = value.split(".")[1] ?? "";
  return fraction.length <= decimals;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
