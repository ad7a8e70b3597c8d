// Budgets as they are set, read and taken away. Each change is alone with the turns: none is opened or booked while it is made.

import type { AuditAction } from "../../caller/audit.ts";
import { AppError } from "../../errors.ts";
import { type Budget, type BudgetLimit, versionOfLimits } from "../../money/budget.ts";
import {
  type BudgetPage,
  type BudgetScope,
  type KeyLimit,
  type LimitsVersion,
  mostIncreases,
} from "../../money/budget-store.ts";
import { endOf, startOf } from "../../money/budget-window.ts";
import type { Pico } from "../../money/money.ts";
import type { Listed } from "../../store.ts";
import { noteAudit } from "../caller/audit.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { extrasAt, type LimitRow, limitAt, printExtras, readExtras, startCase } from "./budget-counter.ts";
import { readSums } from "./usage.ts";

/**
 * The change that follows waits for every turn that is being opened or booked, and they wait for it: no turn is counted by the budgets as
 * they were and booked after they had changed. On SQLite that is so anyway.
 */
export async function changeAlone(tx: Tx): Promise<void> {
  if (tx.dialect.shared) await tx.run("LOCK TABLE turn IN SHARE ROW EXCLUSIVE MODE");
}

async function nextVersion(tx: Tx): Promise<number> {
  const [row] = await tx.all<{ version: number }>(
    "UPDATE budget_version SET version = version + 1 WHERE id = 1 RETURNING version",
  );
  return row!.version;
}

/** `by`: with which key; it is in the audit as soon as it is so. */
interface Change extends BudgetScope {
  by: string | null;
  at: number;
  version?: LimitsVersion;
}

/** Alone, and only where the limits are still what the change was made for. */
async function beginChange(tx: Tx, { project, scope, at, version }: Change): Promise<void> {
  await changeAlone(tx);
  if (version === undefined) return;
  const now = versionOfLimits(await readScopes(tx, { project, scopes: [scope], at }));
  if ([version].flat().includes(now)) return;
  throw new AppError("version_mismatch", `The limits of this scope are at version ${now}, not ${version}.`);
}

function note(tx: Tx, { project, scope, by, at }: Change, action: AuditAction): Promise<void> {
  return noteAudit(tx, { at, project: project === "" ? null : project, keyId: by, action, target: scope, count: 1 });
}

export interface PutBudgets extends Change {
  limits: readonly BudgetLimit[];
  softPpm: number | null;
}

export async function putBudgets(tx: Tx, input: PutBudgets): Promise<Budget[]> {
  const { project, scope, limits, at } = input;
  await beginChange(tx, input);
  const before = await tx.all<{ number: number; period: string; models: string | null }>(
    "SELECT number, period, models FROM budget WHERE project = $1 AND scope = $2",
    [project, scope],
  );
  const kept = new Set<number>();
  for (const limit of limits) {
    const models = limit.models && JSON.stringify(limit.models);
    const known = before.find((row) => row.period === limit.window && row.models === models);
    if (known) await changeLimit(tx, known.number, input, limit);
    kept.add(known?.number ?? (await addLimit(tx, input, limit, models)));
  }
  for (const { number } of before) if (!kept.has(number)) await removeLimit(tx, project, scope, number);
  await nextVersion(tx);
  await note(tx, input, "budget.changed");
  return readScopes(tx, { project, scopes: [scope], at });
}

async function changeLimit(
  tx: Tx,
  number: number,
  { project, scope, softPpm }: PutBudgets,
  { limit, names, increases }: BudgetLimit,
) {
  await tx.run(
    "UPDATE budget SET limit_pico = $4, soft_ppm = $5, names = $6, extras = COALESCE($7, extras) WHERE project = $1 AND scope = $2 AND number = $3",
    [
      ...[
        project,
        scope,
        number,
        limit,
        softPpm,
        names && JSON.stringify(names),
        increases ? printExtras(increases) : null,
      ],
    ],
  );
}

async function addLimit(
  tx: Tx,
  input: PutBudgets,
  { window, limit, names, increases = [] }: BudgetLimit,
  models: string | null,
): Promise<number> {
  const { project, scope, softPpm, at } = input;
  const number = await nextVersion(tx);
  await tx.run(
    `INSERT INTO budget (project, scope, number, period, models, names, limit_pico, soft_ppm, created_at, extras) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[project, scope, number, window, models, names && JSON.stringify(names), limit, softPpm, at],
      increases.length > 0 ? printExtras(increases) : null,
    ],
  );
  const startsAt = startOf(window, at);
  const endsAt = endOf(window, startsAt) ?? Number.MAX_SAFE_INTEGER;
  const spent = await sumSpent(tx, input, names, startsAt, endsAt);
  await tx.run(
    "INSERT INTO budget_window (budget, starts_at, settled_pico, held_pico, ledger_until) VALUES ($1, $2, $3, 0, $4)",
    [number, startsAt, spent, endsAt],
  );
  return number;
}

/** What of a turn a scope's name stands for. */
const columnOf: Record<string, string> = { session: "s.id", user: "t.user_name", key: "t.key_id" };

/** What the ledger says of all calls that were made in this time. One that is not booked yet is counted when it is. */
async function sumSpent(
  tx: Tx,
  { project, scope }: BudgetScope,
  names: readonly string[] | null,
  from: number,
  until: number,
): Promise<Pico> {
  if (names === null && (scope === "global" || scope === "project")) return sumKept(tx, scope, project, from, until);
  const params: Value[] = [from, until];
  let where = "e.at >= $1 AND e.at < $2";
  if (scope !== "global") where += ` AND s.project = $${params.push(project)}`;
  const [kind, ...name] = scope.split(":");
  const column = columnOf[kind!];
  if (column) where += ` AND ${column} = $${params.push(name.join(":"))}`;
  if (names) where += ` AND e.model_requested ${tx.dialect.inList(`$${params.push(JSON.stringify(names))}`)}`;
  const [row] = await tx.all<{ spent: string }>(
    `SELECT CAST(COALESCE(SUM(e.total_pico), 0) AS TEXT) AS spent FROM turn t JOIN session s ON s.row = t.session JOIN ledger e ON e.turn = t.row WHERE ${where}`,
    params,
  );
  return BigInt(row!.spent);
}

/** The same from the sums of usage, where they are kept: of all models, and of whole projects. They do not say which model was asked for. */
async function sumKept(tx: Tx, scope: string, project: string, since: number, end: number): Promise<Pico> {
  const until = Math.min(end, latestMs);
  const days = [{ name: "", since, until }];
  const asked = { project: scope === "global" ? null : project, user: null, sessions: null, groups: [], days };
  const { rows } = await readSums(tx, asked, undefined);
  return rows[0]?.cost.total ?? 0n;
}

/** The last moment that a Date can name. */
const latestMs = 8_640_000_000_000_000;

async function removeLimit(tx: Tx, project: string, scope: string, number: number): Promise<void> {
  await tx.run("DELETE FROM budget WHERE project = $1 AND scope = $2 AND number = $3", [project, scope, number]);
  await tx.run("DELETE FROM budget_window WHERE budget = $1", [number]);
}

export async function hasBudgets(reader: Reader, { project, scope }: BudgetScope): Promise<boolean> {
  const rows = await reader.all("SELECT 1 FROM budget WHERE project = $1 AND scope = $2 LIMIT 1", [project, scope]);
  return rows.length > 0;
}

export async function deleteBudgets(tx: Tx, input: Change): Promise<void> {
  const { project, scope } = input;
  await beginChange(tx, input);
  const rows = await tx.all<{ number: number }>("SELECT number FROM budget WHERE project = $1 AND scope = $2", [
    ...[project, scope],
  ]);
  if (rows.length === 0) throw noBudget();
  for (const { number } of rows) await removeLimit(tx, project, scope, number);
  await nextVersion(tx);
  await note(tx, input, "budget.deleted");
}

export interface IncreaseBudgets extends Change {
  pico: Pico;
  until: number;
}

export async function increaseBudgets(tx: Tx, input: IncreaseBudgets): Promise<Budget[]> {
  const { project, scope, pico, until, at } = input;
  await beginChange(tx, input);
  const rows = await tx.all<{ number: number; extras: string | null }>(
    "SELECT number, extras FROM budget WHERE project = $1 AND scope = $2",
    [project, scope],
  );
  if (rows.length === 0) throw noBudget();
  for (const { number, extras } of rows) {
    const left = extrasAt(readExtras(extras), at);
    if (left.length >= mostIncreases)
      throw new AppError("conflict", `A budget has at most ${mostIncreases} additions at a time.`);
    await tx.run("UPDATE budget SET extras = $4 WHERE project = $1 AND scope = $2 AND number = $3", [
      ...[project, scope, number, printExtras([...left, { pico, until }])],
    ]);
  }
  await nextVersion(tx);
  await note(tx, input, "budget.increased");
  return readScopes(tx, { project, scopes: [scope], at });
}

function noBudget(): AppError {
  return new AppError("not_found", "There is no such budget.");
}

interface BudgetRow extends Pick<LimitRow, "scope" | "period" | "limit_pico" | "soft_ppm" | "extras"> {
  models: string | null;
  settled_pico: string | null;
  held_pico: string;
  beyond_pico: string;
}

/** All limits of these scopes, in the order of their names and then as they were made. */
export async function readScopes(
  reader: Reader,
  { project, scopes, at }: { project: string; scopes: readonly string[]; at: number },
): Promise<Budget[]> {
  const rows = await reader.all<BudgetRow>(
    `SELECT b.scope, b.period, b.models, CAST(b.limit_pico AS TEXT) AS limit_pico, b.soft_ppm, b.extras,
       CAST(w.settled_pico AS TEXT) AS settled_pico, CAST(w.held_pico AS TEXT) AS held_pico, CAST(w.beyond_pico AS TEXT) AS beyond_pico
     FROM budget b LEFT JOIN budget_window w ON w.budget = b.number AND w.starts_at = ${startCase(3)}
     WHERE b.project IN ($1, '') AND b.scope ${reader.dialect.inList("$2")} ORDER BY b.scope, b.number`,
    [project, JSON.stringify(scopes), startOf("day", at), startOf("week", at), startOf("month", at)],
  );
  return rows.map((row) => budgetFrom(row, at));
}

function budgetFrom(row: BudgetRow, at: number): Budget {
  const startsAt = startOf(row.period, at);
  const extras = readExtras(row.extras);
  const counted = row.settled_pico !== null;
  return {
    ...{ scope: row.scope, window: row.period, models: row.models === null ? null : JSON.parse(row.models) },
    limit: limitAt({ limit: BigInt(row.limit_pico), extras }, at),
    increases: extrasAt(extras, at),
    settled: counted ? BigInt(row.settled_pico!) : 0n,
    held: counted ? BigInt(row.held_pico) : 0n,
    beyond: counted ? BigInt(row.beyond_pico) : 0n,
    startsAt: row.period === "total" ? null : startsAt,
    resetsAt: endOf(row.period, startsAt),
    softPpm: row.soft_ppm,
  };
}

export async function listKeyLimits(reader: Reader, keyIds: readonly string[]): Promise<Map<string, KeyLimit[]>> {
  const rows = await reader.all<Pick<BudgetRow, "period" | "models" | "limit_pico"> & { id: string }>(
    `SELECT k.id, b.period, b.models, CAST(b.limit_pico AS TEXT) AS limit_pico FROM api_key k JOIN budget b ON b.project = k.project AND b.scope = 'key:' || k.id
     WHERE k.id ${reader.dialect.inList("$1")} ORDER BY b.number`,
    [JSON.stringify(keyIds)],
  );
  const limits = rows.map(({ id, period, models, limit_pico }) => ({
    ...{ id, window: period, limit: BigInt(limit_pico), models: models === null ? null : JSON.parse(models) },
  }));
  return Map.groupBy(limits, ({ id }) => id);
}

export async function listBudgets(reader: Reader, page: BudgetPage): Promise<Listed<Budget>> {
  const { project, limit, at } = page;
  const named = (await listScopes(reader, page)).sort((a, b) => (a < b ? -1 : 1));
  const data = await readScopes(reader, { project, scopes: named.slice(0, limit), at });
  return { data, hasMore: named.length > limit };
}

/** One more than the page has, where there are more. The global one is a row of no project. */
async function listScopes(
  reader: Reader,
  { project, global, scopes, after = "", limit }: BudgetPage,
): Promise<string[]> {
  if (scopes) return [...new Set(scopes)].filter((scope) => scope > after && (global || scope !== "global"));
  const rows = await reader.all<{ scope: string }>(
    `SELECT DISTINCT scope FROM budget WHERE project = $1 AND scope > $2 ORDER BY scope LIMIT $3`,
    [project, after, limit + 1],
  );
  const named = rows.map(({ scope }) => scope).filter((scope) => scope !== "global");
  return global && "global" > after ? [...named, "global"] : named;
}
