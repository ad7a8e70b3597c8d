// Somebody who looks at the budgets all the time, by a connection of his own, and remembers what must never be seen.

import { DatabaseSync } from "node:sqlite";
import pg from "pg";

interface Row {
  budget: string;
  limit_pico: string;
  settled: string;
  held: string;
  beyond: string;
  starts_at: string;
}

const select = `SELECT CAST(b.number AS TEXT) AS budget, CAST(b.limit_pico AS TEXT) AS limit_pico, CAST(w.settled_pico AS TEXT) AS settled,
  CAST(w.held_pico AS TEXT) AS held, CAST(w.beyond_pico AS TEXT) AS beyond, CAST(w.starts_at AS TEXT) AS starts_at
  FROM budget b JOIN budget_window w ON w.budget = b.number`;

export interface Watch {
  /** How often he looked, what he saw that must not be, and how full the fullest budget was, in thousandths. */
  stop(): Promise<{ looks: number; problems: string[]; fullest: number }>;
  read(): Promise<Row[]>;
  query<R>(sql: string): Promise<R[]>;
}

export async function watchBudgets(databaseUrl: string): Promise<Watch> {
  const file = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  const sqlite = file === undefined ? undefined : new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  const client = sqlite ? undefined : new pg.Client({ connectionString: databaseUrl });
  await client?.connect();
  const query = async <R>(sql: string): Promise<R[]> =>
    sqlite ? (sqlite.prepare(sql).all() as R[]) : ((await client!.query(sql)).rows as R[]);
  const problems: string[] = [];
  let looks = 0;
  let fullest = 0;
  let isOver = false;
  const look = async () => {
    for (const row of await query<Row>(select)) {
      const [limit, settled, held, beyond] = [row.limit_pico, row.settled, row.held, row.beyond].map(
        BigInt,
      ) as bigint[];
      if (settled! + held! > limit! + beyond! || held! < 0n || settled! < 0n || beyond! < 0n)
        problems.push(
          `budget ${row.budget} at ${row.starts_at}: ${settled} settled, ${held} held, ${beyond} beyond, of ${limit}`,
        );
      if (limit! > 0n) fullest = Math.max(fullest, Number(((settled! + held!) * 1_000n) / limit!));
    }
    looks++;
  };
  const watching = (async () => {
    while (!isOver) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  return {
    query,
    read: () => query<Row>(select),
    async stop() {
      isOver = true;
      await watching;
      await look();
      return { looks, problems: [...new Set(problems)].slice(0, 20), fullest };
    },
  };
}
