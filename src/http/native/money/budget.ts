// Budgets: read, set, raised for a time, taken away. The keys of a project's administrators set those of their project.

import { z } from "@hono/zod-openapi";
import type { Caller } from "../../../caller/caller.ts";
import { hasScope } from "../../../caller/scope.ts";
import { AppError, notFound } from "../../../errors.ts";
import { isId } from "../../../id.ts";
import { type Budget, readScope, versionOfLimits } from "../../../money/budget.ts";
import type { BudgetScope } from "../../../money/budget-store.ts";
import { parseUsd } from "../../../money/money.ts";
import type { AppDeps } from "../../deps.ts";
import { etagOf, readIfMatch } from "../../etag.ts";
import { invalidRequest } from "../../field-errors.ts";
import { answerJson, bodyErrors, jsonAnswer, type Route, route } from "../../route.ts";
import { userSchema } from "../../user.ts";
import { projectNameSchema } from "../caller/key.ts";
import { cursorFields, textSchema } from "../fields.ts";
import { budgetListSchema, encodeBudgets, increaseSchema, putSchema, readLimits } from "./budget-wire.ts";

const scopeSchema = textSchema(200);
const projectField = projectNameSchema
  .optional()
  .openapi({ description: "For an operator: another project than its own" });
const projectQuery = z.strictObject({ project: projectField });
const listQuery = z.strictObject({
  limit: cursorFields.limit.openapi({ description: "Scopes at most, each with all of its limits. Default 100" }),
  after: scopeSchema.optional().openapi({ description: "Only scopes after this one, in the order of their names" }),
  scope: scopeSchema.optional().openapi({ description: "This scope alone" }),
  project: projectField,
});
const list = (description: string, tag = "The version of the scope's limits as they are set") =>
  jsonAnswer(description, budgetListSchema, { ETag: tag });
const ifMatch = {
  "If-Match": "Refuse (412) unless the limits of the scope are at this version, the ETag of GET /budgets?scope=",
};

const versionOf = (limits: readonly Budget[]) => ({ etag: etagOf({ version: versionOfLimits(limits) }) });

export function budgetRoutes({ store, catalogue, now }: AppDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/budgets",
      scope: "admin",
      operationId: "listBudgets",
      tag: "Budgets",
      summary: "List budgets, with what is spent, held and left",
      description: "A key that is bound to a user sees that user's and its own. `global` is shown to operators.",
      query: listQuery,
      responses: { 200: list("A page of scopes", "With `scope`: the version of its limits as they are set") },
      errors: ["invalid_request", "storage_unavailable"],
      async handler({ exchange, query: { limit = 100, after, scope, project } }) {
        const { caller } = exchange;
        const isOperator = hasScope(caller.scopes, "operator");
        const own =
          caller.user === null ? null : [`user:${caller.user}`, ...(caller.keyId ? [`key:${caller.keyId}`] : [])];
        const listed = await store.listBudgets({
          project: isOperator ? (project ?? caller.project) : caller.project,
          global: isOperator,
          scopes: scope === undefined ? own : (own ?? [scope]).filter((one) => one === scope),
          after,
          limit,
          at: now(),
        });
        return answerJson(
          200,
          encodeBudgets(listed.data, listed.hasMore),
          scope === undefined ? {} : versionOf(listed.data),
        );
      },
    }),
    route({
      method: "get",
      path: "/sessions/{id}/budgets",
      scope: "read",
      operationId: "listSessionBudgets",
      tag: "Budgets",
      summary: "Read the budgets that what is sent to a session would meet",
      description: "Its own, its user's, the caller's key's, the project's and the global one, as a quote has them.",
      params: { id: "session" },
      responses: { 200: jsonAnswer("All of them", budgetListSchema) },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange: { owner, caller }, id }) {
        const session = await store.findSession(owner, id);
        if (!session) throw notFound("session");
        const user = session.user ?? caller.user;
        const holder = { project: owner, sessionId: id, user, keyId: caller.keyId, at: now() };
        const { budgets } = await store.readQuoteBudgets(holder, null);
        return answerJson(200, encodeBudgets(budgets, false));
      },
    }),
    route({
      method: "put",
      path: "/budgets/{id}",
      scope: "admin",
      operationId: "putBudget",
      tag: "Budgets",
      summary: "Set the limits of a scope",
      description:
        "They take the place of all it had; one for the same window and models keeps what is counted, a new one begins with what was spent in its window so far. It holds for every turn that begins after the answer.",
      params: { id: "scope" },
      query: projectQuery,
      headers: ifMatch,
      body: putSchema,
      bodyExamples: { day: { limits: [{ window: "day", usd: "2.50" }] } },
      responses: { 200: list("The scope's limits as they are now") },
      errors: [...bodyErrors, "not_found", "version_mismatch"],
      async handler({ exchange, id, query, body: { limits, soft } }) {
        const scope = await getScope(exchange.caller, id, query.project);
        await requireNamed(exchange.caller, scope);
        const softPpm = soft === undefined ? null : Math.round(soft * 1_000_000);
        const { keyId } = exchange.caller;
        const data = await store.putBudgets(
          scope,
          readLimits(limits, catalogue),
          softPpm,
          keyId,
          now(),
          readIfMatch(exchange),
        );
        return answerJson(200, encodeBudgets(data, false), versionOf(data));
      },
    }),
    route({
      method: "post",
      path: "/budgets/{id}/increase",
      scope: "admin",
      operationId: "increaseBudget",
      tag: "Budgets",
      summary: "Add to the limits of a scope for a time",
      params: { id: "scope" },
      query: projectQuery,
      headers: ifMatch,
      body: increaseSchema,
      responses: { 200: list("The scope's limits as they are now") },
      errors: [...bodyErrors, "not_found", "conflict", "version_mismatch"],
      async handler({ exchange, id, query, body: { usd, until } }) {
        const scope = await getScope(exchange.caller, id, query.project);
        const at = now();
        if (Date.parse(until) <= at) throw invalidRequest([{ pointer: "/until", detail: "must be to come" }]);
        const data = await store.increaseBudgets(
          scope,
          parseUsd(usd),
          Date.parse(until),
          exchange.caller.keyId,
          at,
          readIfMatch(exchange),
        );
        return answerJson(200, encodeBudgets(data, false), versionOf(data));
      },
    }),
    route({
      method: "delete",
      path: "/budgets/{id}",
      scope: "admin",
      operationId: "deleteBudget",
      tag: "Budgets",
      summary: "Take the limits of a scope away",
      params: { id: "scope" },
      query: projectQuery,
      headers: ifMatch,
      responses: { 204: { description: "It has none any more" } },
      errors: ["invalid_request", "not_found", "version_mismatch", "storage_unavailable"],
      async handler({ exchange, id, query }) {
        await store.deleteBudgets(
          await getScope(exchange.caller, id, query.project),
          exchange.caller.keyId,
          now(),
          readIfMatch(exchange),
        );
        return { status: 204, headers: { "cache-control": "no-store" }, body: null };
      },
    }),
  ];

  /** The scope that the caller means, if it may change it. Throws not_found for what is no scope, forbidden. */
  async function getScope(caller: Caller, text: string, project: string | undefined): Promise<BudgetScope> {
    const named = readScope(text);
    if (!named) throw notFound("budget");
    const isOperator = hasScope(caller.scopes, "operator");
    if (named.kind === "global" && !isOperator)
      throw new AppError(
        "forbidden",
        "The global budget is the operator's: `rozmova key create --operator` makes such a key.",
      );
    if (caller.user !== null) throw new AppError("forbidden", "A key that is bound to a user changes no budgets.");
    if (!isOperator && project !== undefined && project !== caller.project)
      throw new AppError("forbidden", "The budgets of other projects are the operator's.");
    if (named.kind === "global") return { project: "", scope: "global" };
    const of = project ?? caller.project;
    if (of !== caller.project && !(await store.findProject(of))) throw notFound("project");
    const hasId = named.kind === "key" || named.kind === "session";
    return { project: of, scope: hasId ? `${named.kind}:${named.name.toLowerCase()}` : text };
  }

  /** What a budget is made for must be there, and be a thing that the caller may see. Users are names: any will do. */
  async function requireNamed(caller: Caller, { project, scope }: BudgetScope): Promise<void> {
    const { kind, name } = readScope(scope)!;
    if (kind === "user" && !userSchema.safeParse(name).success) throw notFound("budget");
    if (kind === "key" && (!isId(name) || (await store.getKey(caller, name)).project !== project))
      throw notFound("key");
    if (kind === "session" && !(isId(name) && (await store.findSessionUser(project, "session", name))))
      throw notFound("session");
  }
}
