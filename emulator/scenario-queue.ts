// Decides which scenario, or which recorded bytes, the next generate call gets.

import { parseScenario, type Scenario } from "./scenario.ts";

/** Bytes to send as they are: for recorded answers. */
export interface ServedReply {
  status?: number;
  headers?: Record<string, string>;
  /** One network write each. */
  chunks: (string | Uint8Array)[];
  end?: "normal" | "reset" | "hang";
}

export type Choice = { scenario: Scenario } | { reply: ServedReply };

interface Queued {
  choice: Choice;
  left: number;
}

/** `times` failures, then the same scenario without its fault. */
function withoutFault(scenario: Scenario): Scenario {
  const { fault: _, times: __, ...rest } = scenario;
  return rest;
}

export class ScenarioQueue {
  #queue: Queued[] = [];
  #always: Scenario | null = null;
  readonly #uses = new Map<string, number>();

  play(scenarios: readonly unknown[]): void {
    const checked = scenarios.map(parseScenario);
    this.#queue.push(...checked.map((scenario) => ({ choice: { scenario }, left: scenario.times ?? 1 })));
  }

  serve(reply: ServedReply): void {
    this.#queue.push({ choice: { reply }, left: 1 });
  }

  always(scenario: unknown): void {
    this.#always = scenario === null ? null : parseScenario(scenario);
    this.#uses.delete("always");
  }

  clear(): void {
    this.#queue = [];
    this.#always = null;
    this.#uses.clear();
  }

  /** What the request says itself goes first, then the queue, then `always`, then the demo answer. */
  next(own: { name: string; scenario: Scenario } | undefined): Choice {
    if (own) return { scenario: this.#limit(own.name, own.scenario) };
    const first = this.#queue.find((queued) => queued.left > 0);
    if (first) {
      first.left -= 1;
      if (first.left <= 0) this.#queue = this.#queue.filter((queued) => queued.left > 0);
      return first.choice;
    }
    return { scenario: this.#always ? this.#limit("always", this.#always) : {} };
  }

  #limit(name: string, scenario: Scenario): Scenario {
    if (scenario.times === undefined) return scenario;
    const uses = this.#uses.get(name) ?? 0;
    this.#uses.set(name, uses + 1);
    return uses < scenario.times ? scenario : withoutFault(scenario);
  }
}
