// What was used and what it cost: the ledger, added up as the caller likes, and no more of it than the caller may see.

import { z } from "@hono/zod-openapi";
import type { Caller } from "../../../caller/caller.ts";
import { hasScope } from "../../../caller/scope.ts";
import { type UsageGroup, type UsageRow, type UsageScope, usageGroups } from "../../../money/usage-store.ts";
import { addSums, noSum } from "../../../money/usage-sum.ts";
import type { HttpAnswer } from "../../answer.ts";
import type { AppDeps } from "../../deps.ts";
import type { Exchange } from "../../exchange.ts";
import { invalidRequest } from "../../field-errors.ts";
import { jsonHeaders, type Route, route } from "../../route.ts";
import { printTime } from "../../wire.ts";
import { answerCsv, answerTurnsCsv, exampleCsv } from "./usage-csv.ts";
import { type AskedTime, encodeRow, encodeSum, readTime, usageListSchema, usageQuery } from "./usage-wire.ts";

const mostBytes = 8 * 1024 * 1024;

export function usageRoutes({ store, now }: AppDeps): Route[] {
  function answerTurns(exchange: Exchange, scope: UsageScope | undefined, time: AskedTime, format?: string) {
    if (format !== "csv") throw invalidRequest([{ pointer: "?group_by", detail: "can be turn with format=csv alone" }]);
    return answerTurnsCsv(exchange, scope ? store.listTurnUsage(scope, time) : nothing());
  }

  return [
    route({
      method: "get",
      path: "/usage",
      scope: "read",
      alsoScope: "admin",
      operationId: "readUsage",
      tag: "Usage",
      summary: "Read what was used and what it cost",
      description: `The ledger's entries, added up: to the picodollar what it says at this moment; what is not settled yet is in neither. A call counts at the moment it was made.
Of the caller's project; a key bound to a user sees that user's, a token for some sessions theirs, an operator all projects (rows by user, key or session then name their project). An answer has at most 10,000 rows and ${mostBytes} bytes; what would be more is refused (422); as CSV it has no limit, and each line is true when it is written.`,
      query: usageQuery,
      responses: {
        200: {
          description: "The rows, and their total; as CSV the rows alone",
          content: {
            "application/json": { schema: usageListSchema },
            "text/csv": { schema: z.string(), example: exampleCsv },
          },
        },
      },
      errors: ["invalid_request", "storage_unavailable"],
      async handler({ exchange, query }) {
        const { caller } = exchange;
        const time = readTime(query, now());
        const scope = scopeOf(caller, query.project);
        if (query.group_by === "turn") return answerTurns(exchange, scope, time, query.format);
        const groups = groupsOf(scope, query.group_by ?? "day");
        const days = groups.includes("day") ? time.calendar.listDays(time) : [{ ...time, name: "" }];
        if (query.format === "csv")
          return answerCsv(exchange, groups, scope ? store.listUsage({ ...scope, groups, days }) : nothing());
        const rows = scope ? await store.sumUsage({ ...scope, groups, days }) : [];
        return answerRows(rows, groups, time, query.tz ?? "UTC");
      },
    }),
  ];
}

/** What of the ledger the caller may see; undefined: nothing, for another's project is as if it were not there. */
function scopeOf({ scopes, project, user, sessions }: Caller, asked: string | undefined): UsageScope | undefined {
  if (user === null && sessions === null && hasScope(scopes, "operator"))
    return { project: asked ?? null, user, sessions };
  if (asked !== undefined && asked !== project) return undefined;
  return { project, user, sessions };
}

/** In the order of rows. Users are names within a project: of all projects, theirs belong to each name. */
function groupsOf(scope: UsageScope | undefined, asked: string): UsageGroup[] {
  const names = new Set(asked.split(","));
  if (scope?.project === null && ["user", "key", "session"].some((name) => names.has(name))) names.add("project");
  return usageGroups.filter((group) => names.has(group));
}

async function* nothing(): AsyncGenerator<never, void, void> {}

function answerRows(
  rows: readonly UsageRow[],
  groups: readonly UsageGroup[],
  { since, until }: AskedTime,
  tz: string,
): HttpAnswer {
  const head = { object: "list", from: printTime(since), to: printTime(until), tz, group_by: groups, currency: "USD" };
  let total = noSum;
  let bytes = 0;
  const data = rows.map((row) => {
    total = addSums(total, row);
    const text = JSON.stringify(encodeRow(groups, row));
    bytes += Buffer.byteLength(text);
    if (bytes > mostBytes) throw tooLong();
    return text;
  });
  const body = `${JSON.stringify(head).slice(0, -1)},"data":[${data.join(",")}],"total":${JSON.stringify(encodeSum(total))}}`;
  return { status: 200, headers: jsonHeaders, body };
}

function tooLong() {
  return invalidRequest([
    {
      pointer: "?group_by",
      detail: `is more than ${mostBytes} bytes for one answer: ask for a shorter time or fewer groups`,
    },
  ]);
}
