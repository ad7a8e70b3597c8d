// Asks a connection which statements it compiles more than once.

import { constants } from "node:sqlite";
import type { Connection } from "../src/database/sqlite/connection.ts";
import type { Value } from "../src/database/tx.ts";

/** The statements that read which SQLite compiles anew when they get their values again: it asks the authorizer for each column then. */
export function listCompiledAgain(connection: Connection, statements: ReadonlyMap<string, readonly Value[]>): string[] {
  let asked = 0;
  const again: string[] = [];
  for (const [sql, params] of statements) {
    if (!/^(SELECT|WITH)/.test(sql)) continue;
    connection.database.setAuthorizer(null); // whoever sets one has everything compiled again
    connection.all(sql, params);
    connection.database.setAuthorizer((action, table) => {
      if (action === constants.SQLITE_READ && !table?.startsWith("turn_search")) asked++; // the text index asks for itself
      return constants.SQLITE_OK;
    });
    connection.all(sql, params);
    const once = asked;
    connection.all(sql, params);
    if (asked > once) again.push(sql);
  }
  connection.database.setAuthorizer(null);
  return again;
}
