// The schema's versions: numbered migrations, forward only, each in one transaction.

import { AppError } from "../errors.ts";
import type { Migration } from "./migration.ts";
import { core } from "./migrations/001-core.ts";
import { turnRow } from "./migrations/002-turn-row.ts";
import { counted } from "./migrations/003-counted.ts";
import { caller } from "./migrations/004-caller.ts";
import { audit } from "./migrations/005-audit.ts";
import { conversation } from "./migrations/006-conversation.ts";
import { title } from "./migrations/007-title.ts";
import { rate } from "./migrations/008-rate.ts";
import { purge } from "./migrations/009-purge.ts";
import { budget } from "./migrations/010-budget.ts";
import { usage } from "./migrations/011-usage.ts";
import { titleHolds } from "./migrations/012-title-holds.ts";
import { imports } from "./migrations/013-import.ts";
import { wipe } from "./migrations/014-wipe.ts";
import { seal } from "./migrations/015-seal.ts";
import { removedVersion } from "./migrations/016-removed-version.ts";
import { importBegun } from "./migrations/017-import-begun.ts";
import { usageSixHours } from "./migrations/018-usage-six-hours.ts";
import { budgetCheck } from "./migrations/019-budget-check.ts";
import { removedAt } from "./migrations/020-removed-at.ts";
import { modelTitle } from "./migrations/021-model-title.ts";
import type { Tx } from "./tx.ts";

export type { Migration } from "./migration.ts";

/** In order. A new one is added at the end; an old one is never changed. */
export const migrations: readonly Migration[] = [
  core,
  turnRow,
  counted,
  caller,
  audit,
  conversation,
  title,
  rate,
  purge,
  budget,
  usage,
  titleHolds,
  imports,
  wipe,
  seal,
  removedVersion,
  importBegun,
  usageSixHours,
  budgetCheck,
  removedAt,
  modelTitle,
];

export function newestOf(known: readonly Migration[]): number {
  return known.at(-1)?.version ?? 0;
}

/** The version a database is at; 0 for one without tables. */
export async function readSchemaVersion(tx: Pick<Tx, "all">, hasTable: boolean): Promise<number> {
  if (!hasTable) return 0;
  const [row] = await tx.all<{ version: number }>("SELECT MAX(version) AS version FROM schema_version");
  return row?.version ?? 0;
}

/** Throws a sentence naming both versions when the database was written by a newer program. */
export function refuseNewer(version: number, known: readonly Migration[], where: string): void {
  if (version <= newestOf(known)) return;
  throw new AppError(
    "storage_unavailable",
    `${where} has schema version ${version}, and this program knows versions up to ${newestOf(known)}: run the newer program, or restore the copy made before its upgrade.`,
  );
}

/** Brings a database from `version` to the newest known. The caller holds the transaction and whatever keeps others away. */
export async function migrate(tx: Tx, version: number, known: readonly Migration[]): Promise<void> {
  if (version === 0)
    await tx.run("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, at BIGINT NOT NULL)");
  for (const migration of known) {
    if (migration.version <= version) continue;
    for (const statement of migration.statements(tx.dialect)) await tx.run(statement);
    await tx.run("INSERT INTO schema_version (version, at) VALUES ($1, $2)", [migration.version, Date.now()]);
  }
}
