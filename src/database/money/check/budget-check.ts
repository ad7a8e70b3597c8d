// What a budget's windows must say, added up again from the turns, the titles and the ledger. It shares nothing with what books them.

import type { Dialect } from "../../tx.ts";

/** Each hold of a row that keeps some, as `hold`. */
const holdsOf = (dialect: Dialect, column: string) => `${dialect.elementsOf(column, "holds")} AS hold`;
const budgetOf = "CAST(hold.value ->> 0 AS BIGINT)";
const holdColumns = `${budgetOf} AS budget, CAST(hold.value ->> 1 AS BIGINT) AS starts_at, CAST(hold.value ->> 2 AS BIGINT) AS pico`;

/** What runs holds what its row says. */
const held = (dialect: Dialect) => `SELECT budget, starts_at, SUM(pico) AS pico FROM (
    SELECT ${holdColumns} FROM turn t, ${holdsOf(dialect, "t.holds")} WHERE t.settled = 0
    UNION ALL SELECT ${holdColumns} FROM title_call c, ${holdsOf(dialect, "c.holds")}) h GROUP BY budget, starts_at`;

/** A turn that is over is counted where its row says that it held something, and so are the calls for a title. */
const counted = (dialect: Dialect) => `
    SELECT ${holdColumns}, t.row AS turn, 0 AS first_call, 0 AS last_call, 0 AS for_title, CASE WHEN t.accuracy_rank = 3 THEN 1 ELSE 0 END AS is_unknown
    FROM turn t, ${holdsOf(dialect, "t.holds")} WHERE t.settled = 1
    UNION ALL
    SELECT ${holdColumns}, t.turn, t.first_call, t.last_call, 1, 0 FROM title_hold t, ${holdsOf(dialect, "t.holds")}`;

const countsModel = ({ inList }: Dialect) => `(b.names IS NULL OR e.model_requested ${inList("b.names")})`;

/** Of a cost that is not known as much is counted as was held, or what is known of it where that is more. */
const settled = (
  dialect: Dialect,
) => `SELECT budget, starts_at, SUM(pico) AS pico, SUM(CASE WHEN pico > held THEN pico - held ELSE 0 END) AS beyond FROM (
    SELECT budget, starts_at, held, CASE WHEN is_unknown = 1 AND held > total THEN held ELSE total END AS pico FROM (
      SELECT c.budget, c.starts_at, c.pico AS held,
        COALESCE(SUM(CASE WHEN ${countsModel(dialect)} THEN e.total_pico END), 0) AS total,
        CASE WHEN COUNT(e.turn) = 0 THEN MAX(c.is_unknown)
          ELSE COALESCE(MAX(CASE WHEN ${countsModel(dialect)} AND e.accuracy_rank = 3 THEN 1 END), 0) END AS is_unknown
      FROM (${counted(dialect)}) c JOIN budget b ON b.number = c.budget
        LEFT JOIN ledger e ON e.turn = c.turn AND ((c.for_title = 0 AND e.purpose <> 'title') OR e.number BETWEEN c.first_call AND c.last_call)
      GROUP BY c.budget, c.starts_at, c.pico, c.turn, c.first_call) each_one) all_of_them
  GROUP BY budget, starts_at`;

/** What had been booked already when the budget was made: what concerns it and is not among what it counted. */
const before = (dialect: Dialect) => `SELECT b.number AS budget, w.starts_at, SUM(e.total_pico) AS pico
    FROM turn t JOIN session s ON s.row = t.session JOIN ledger e ON e.turn = t.row
      JOIN budget b ON b.project IN (s.project, '')
        AND b.scope IN ('global', 'project', 'session:' || s.id, 'user:' || t.user_name, 'key:' || t.key_id)
        AND (b.scope = 'global' OR b.project = s.project)
      JOIN budget_window w ON w.budget = b.number AND e.at >= w.starts_at AND e.at < w.ledger_until
    WHERE ${countsModel(dialect)}
      AND NOT EXISTS (SELECT 1 FROM ${holdsOf(dialect, "t.holds")} WHERE e.purpose <> 'title' AND ${budgetOf} = b.number)
      AND NOT EXISTS (SELECT 1 FROM title_hold h, ${holdsOf(dialect, "h.holds")}
        WHERE h.turn = e.turn AND e.number BETWEEN h.first_call AND h.last_call AND ${budgetOf} = b.number)
    GROUP BY b.number, w.starts_at`;

/** Of a window that is older than what it is derived from, what is held alone. */
export const budgets = {
  name: "budget",
  columns: ["held_pico", "settled_pico", "beyond_pico"],
  sql: (
    dialect: Dialect,
  ) => `SELECT COALESCE(b.project || ' ' || b.scope || ' by ' || b.period, 'of none') || ' from ' || w.starts_at AS name,
      w.held_pico, COALESCE(h.pico, 0) AS held_pico_booked,
      w.settled_pico, CASE WHEN w.ledger_until IS NULL THEN w.settled_pico ELSE COALESCE(l.pico, 0) + COALESCE(c.pico, 0) END AS settled_pico_booked,
      w.beyond_pico, CASE WHEN w.ledger_until IS NULL THEN w.beyond_pico ELSE COALESCE(c.beyond, 0) END AS beyond_pico_booked
    FROM budget_window w LEFT JOIN budget b ON b.number = w.budget
      LEFT JOIN (${held(dialect)}) h ON h.budget = w.budget AND h.starts_at = w.starts_at
      LEFT JOIN (${settled(dialect)}) c ON c.budget = w.budget AND c.starts_at = w.starts_at
      LEFT JOIN (${before(dialect)}) l ON l.budget = w.budget AND l.starts_at = w.starts_at`,
};
