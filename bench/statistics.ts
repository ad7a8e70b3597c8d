// Numbers from noisy rounds: percentiles, seeded chance, and ratios with a bootstrap interval.

/** A generator of numbers from 0 up to 1, the same for the same seed (xorshift with 13, 17, 5: Marsaglia 2003). */
export function createRandom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const shuffled = [...list];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}

/** The nearest-rank percentile; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** An amount of something per amount of something else in one round, e.g. turns and CPU seconds. */
export interface Rate {
  amount: number;
  per: number;
}

export interface Interval {
  value: number;
  low: number;
  high: number;
}

const resamples = 2_000;

/** amount / per over all rounds, with the middle 95 percent of what resampled rounds give. */
export function rateOf(rounds: readonly Rate[], seed: number): Interval {
  return bootstrap(rounds.length, seed, (chosen) => pool(rounds, chosen));
}

/** The ratio of two targets' rates. Rounds are paired: both were measured within the same minute of the machine. */
export function ratioOf(over: readonly Rate[], under: readonly Rate[], seed: number): Interval {
  const rounds = Math.min(over.length, under.length);
  return bootstrap(rounds, seed, (chosen) => pool(over, chosen) / pool(under, chosen));
}

/** The median of one value per round, with the middle 95 percent of what resampled rounds give. */
export function medianOf(values: readonly number[], seed: number): Interval {
  return bootstrap(values.length, seed, (chosen) => median(chosen.map((index) => values[index]!)));
}

/** How far from 1 two runs of the same program can seem to be: differences below it mean nothing. */
export function spreadOf(same: Interval): number {
  return Math.max(Math.abs(same.low - 1), Math.abs(same.high - 1));
}

/** Whether a ratio lies outside what the same program against itself gave. */
export function isBeyond(ratio: Interval, spread: number): boolean {
  return ratio.high < 1 / (1 + spread) || ratio.low > 1 + spread;
}

/** The slope of a line through points, by least squares. */
export function slopeOf(points: readonly { x: number; y: number }[]): number {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const rise = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  const run = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  return rise / run;
}

function pool(rounds: readonly Rate[], chosen: readonly number[]): number {
  let amount = 0;
  let per = 0;
  for (const index of chosen) {
    amount += rounds[index]!.amount;
    per += rounds[index]!.per;
  }
  return amount / per;
}

function bootstrap(rounds: number, seed: number, measure: (chosen: readonly number[]) => number): Interval {
  const random = createRandom(seed);
  const all = Array.from({ length: rounds }, (_, index) => index);
  const seen: number[] = [];
  for (let sample = 0; sample < resamples; sample++) {
    seen.push(measure(all.map(() => Math.floor(random() * rounds))));
  }
  return { value: measure(all), low: percentile(seen, 0.025), high: percentile(seen, 0.975) };
}
