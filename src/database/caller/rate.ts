// The counters of limits in a database that several processes share, and the turns that run, which are their own counter.

import { type Draw, type Drawn, minuteMs, minuteSpent, type TurnRate, tooManyTurns } from "../../caller/rate.ts";
import { storableText } from "../columns.ts";
import type { Reader, Tx } from "../tx.ts";

interface CounterRow {
  used: number;
  ends_at: number;
  at: number;
}

/**
 * Takes all of it or throws RateLimited, and with it undoes the transaction; one alone needs none. One statement for each: it locks
 * its counter until the transaction ends. By the database's clock, so that no process's own makes a minute longer or shorter.
 */
export async function drawRates(tx: Reader, { draws }: { draws: readonly Draw[] }): Promise<Drawn[]> {
  const drawn: Drawn[] = [];
  for (const draw of draws) drawn.push(await drawOne(tx, draw));
  return drawn;
}

async function drawOne(tx: Reader, draw: Draw): Promise<Drawn> {
  const { amount, limit } = draw;
  const counter = storableText(draw.counter);
  const { now } = tx.dialect;
  const isOver = `(rate.ends_at <= ${now} OR rate.ends_at > ${now} + ${minuteMs})`;
  const [row] =
    amount > limit
      ? []
      : await tx.all<CounterRow>(
          `INSERT INTO rate (counter, used, ends_at) VALUES ($1, $2, ${now} + ${minuteMs}) ON CONFLICT (counter) DO UPDATE SET
             used = CASE WHEN ${isOver} THEN excluded.used ELSE rate.used + excluded.used END,
             ends_at = CASE WHEN ${isOver} THEN excluded.ends_at ELSE rate.ends_at END
           WHERE ${isOver} OR rate.used + excluded.used <= $3
           RETURNING used, ends_at, ${now} AS at`,
          [counter, amount, limit],
        );
  if (row) return { ...draw, left: limit - row.used, resetMs: Math.max(0, row.ends_at - row.at), endsAt: row.ends_at };
  const [met] = await tx.all<CounterRow>(`SELECT used, ends_at, ${now} AS at FROM rate WHERE counter = $1`, [counter]);
  throw minuteSpent(draw, met?.used ?? 0, Math.min(minuteMs, Math.max(1, met ? met.ends_at - met.at : minuteMs)));
}

/** Each counter for itself, without a transaction around them. */
export async function correctRates(db: Reader, drawn: readonly Drawn[], used: number): Promise<void> {
  for (const { counter, amount, endsAt } of drawn)
    await db.all(
      "UPDATE rate SET used = CASE WHEN used + $2 < 0 THEN 0 ELSE used + $2 END WHERE counter = $1 AND ends_at = $3",
      [storableText(counter), used - amount, endsAt],
    );
}

/** What is over says nothing any more. */
export async function sweepRates(tx: Tx, _: object): Promise<void> {
  await tx.run(`DELETE FROM rate WHERE ends_at <= ${tx.dialect.now}`);
}

/**
 * Draws what a turn draws, in the transaction that opens it. How many run is counted in the turns themselves, so that none that
 * was lost is counted for longer than it is believed to run. Whoever opens another one of the key meanwhile waits for this one.
 */
export async function drawTurn(tx: Tx, turnId: string, { keyId, draws, running }: TurnRate): Promise<Drawn[]> {
  const drawn = await drawRates(tx, { draws });
  const isLocked = draws.some(({ policy }) => policy === "tokens"); // by the key's own counter
  if (running.length > 0 && tx.dialect.shared && !isLocked)
    await tx.all("SELECT 1 FROM api_key WHERE id = $1 FOR NO KEY UPDATE", [keyId]);
  for (const limit of running) {
    const ofUser = limit.user === null ? "" : "AND user_name = $3";
    const [counted] = await tx.all<{ turns: number }>(
      `SELECT COUNT(*) AS turns FROM turn
       WHERE settled = 0 AND status = 'running' AND key_id = $1 AND id <> $2 ${ofUser}`,
      [keyId, turnId, ...(limit.user === null ? [] : [storableText(limit.user)])],
    );
    if (counted!.turns >= limit.limit) throw tooManyTurns(limit);
  }
  return drawn;
}
