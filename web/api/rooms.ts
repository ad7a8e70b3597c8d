// The part of the API that the rooms speak: usage, keys, the audit, health.

import { json, query, send } from "./api.ts";
import type { Health, List, Model, Usage } from "./wire.ts";

export interface UsageRow extends Usage {
  day?: string;
  model?: string;
  vendor?: string;
  purpose?: string;
  session_id?: string;
  key_id?: string | null;
  user?: string | null;
  project?: string;
  turns: number;
  calls: number;
  cost: string | null;
  accuracy: string;
  unpriced_turns: number;
}
export interface UsageList {
  data: UsageRow[];
  total: UsageRow;
}
export interface UsageQuery {
  from: string;
  to: string;
  group_by: string;
  tz: string;
}

export interface Rate {
  requests_per_minute?: number;
  tokens_per_minute?: number;
  concurrent_turns?: number;
  per_user?: Omit<Rate, "per_user">;
}
export interface Key {
  id: string;
  project: string;
  name: string;
  prefix: string;
  scopes: string[];
  user: string | null;
  models: string[] | null;
  rate: Rate | null;
  limits: Limit[];
  expires_at: string | null;
  disabled: boolean;
  created_at: string;
  last_used_at: string | null;
}
/** What a key is made of; without `user` and `project` what may be changed of it. */
export interface KeyFields {
  name: string;
  scopes: string[];
  user?: string;
  project?: string;
  models: string[] | null;
  rate: Rate | null;
  expires_at: string | null;
  limits?: Limit[];
  disabled?: boolean;
}
export type BudgetWindow = "total" | "day" | "week" | "month";
export interface Budget {
  scope: string;
  window: BudgetWindow;
  models: string[] | null;
  /** With the increases. */
  limit: string;
  increases: { usd: string; until: string }[];
  settled: string;
  held: string;
  left: string;
  /** Of what is settled: what was billed beyond what had been held for it. */
  beyond: string;
  resets_at: string | null;
  soft: number | null;
}
export interface Project {
  id: string;
  name: string;
  disabled: boolean;
  created_at: string;
}
export interface NewToken {
  user: string;
  ttl_seconds: number;
  scopes: string[];
}
export interface Limit {
  window: BudgetWindow;
  usd: string;
  models?: string[];
  /** Undefined: those it has. */
  increases?: Budget["increases"];
}
export interface AuditLine {
  id: string;
  at: string;
  project: string | null;
  key_id: string | null;
  action: string;
  target: string | null;
  count: number;
}
export interface ServerHealth extends Health {
  version: string;
  running_turns: number;
  hint: string | null;
}
export interface PricedModel extends Model {
  vendor: string;
  price: { id: string; origin: "catalogue" | "file"; rates: Record<string, unknown> } | null;
  source: string;
  read_on: string;
}

const key = (id: string) => `keys/${encodeURIComponent(id)}`;

export interface Scoped {
  scope: string;
  /** Undefined: the caller's own. */
  project: string | undefined;
}
const budget = (scope: string, project: string | undefined, end = "") =>
  `budgets/${encodeURIComponent(scope)}${end}${query({ project })}`;

/** All of a list, page by page, and no more than so many pages: of what is further on ids are shown. */
export async function listAll<T>(ask: (after: string | undefined) => Promise<List<T>>, placeOf: (item: T) => string) {
  const all: T[] = [];
  for (let pages = 0; pages < mostPages; pages++) {
    const last = all.at(-1);
    const page = await ask(last && placeOf(last));
    all.push(...page.data);
    if (!page.has_more) break;
  }
  return all;
}
const mostPages = 20;
const idOf = ({ id }: { id: string }) => id;

export const listAllKeys = (signal: AbortSignal) => listAll((after) => roomApi.listKeys(after, signal, 100), idOf);
export const listAllProjects = (signal: AbortSignal) =>
  listAll((after) => roomApi.listProjects(after, signal, 100), idOf);

export const roomApi = {
  readUsage: (asked: UsageQuery, signal?: AbortSignal) => json<UsageList>(`usage${query({ ...asked })}`, { signal }),
  readUsageCsv: (asked: UsageQuery) => send(`usage${query({ ...asked, format: "csv" })}`),
  listKeys: (after: string | undefined, signal?: AbortSignal, limit = 50) =>
    json<List<Key>>(`keys${query({ limit, after })}`, { signal }),
  getKey: (id: string) => json<Key>(key(id)),
  createKey: (made: Partial<KeyFields>) => json<Key & { secret: string }>("keys", { method: "POST", body: made }),
  changeKey: (id: string, change: Partial<KeyFields>) => json<Key>(key(id), { method: "PATCH", body: change }),
  rotateKey: (id: string, graceSeconds: number) =>
    json<Key & { secret: string }>(`${key(id)}/rotate`, { method: "POST", body: { grace_seconds: graceSeconds } }),
  deleteKey: (id: string) => send(key(id), { method: "DELETE" }),
  listBudgets: (asked: { after?: string | undefined; project?: string | undefined }, signal?: AbortSignal) =>
    json<List<Budget>>(`budgets${query({ limit: 50, ...asked })}`, { signal }),
  /** All limits of a scope, and the version they are at. */
  readLimits: async ({ scope, project }: Scoped) => {
    const answer = await send(`budgets${query({ scope, project })}`);
    const { data } = (await answer.json()) as List<Budget>;
    return { data, etag: answer.headers.get("etag") ?? "*" };
  },
  putBudget: ({ scope, project }: Scoped, body: { limits: Limit[]; soft?: number }, etag: string) =>
    json<List<Budget>>(budget(scope, project), { method: "PUT", body, headers: { "if-match": etag } }),
  increaseBudget: ({ scope, project }: Scoped, body: { usd: string; until: string }) =>
    json<List<Budget>>(budget(scope, project, "/increase"), { method: "POST", body }),
  deleteBudget: ({ scope, project }: Scoped, etag: string) =>
    send(budget(scope, project), { method: "DELETE", headers: { "if-match": etag } }),
  listProjects: (after?: string, signal?: AbortSignal, limit = 50) =>
    json<List<Project>>(`projects${query({ limit, after })}`, { signal }),
  createProject: (made: { id: string; name?: string }) => json<Project>("projects", { method: "POST", body: made }),
  changeProject: (id: string, change: { name?: string; disabled?: boolean }) =>
    json<Project>(`projects/${encodeURIComponent(id)}`, { method: "PATCH", body: change }),
  createToken: (made: NewToken) =>
    json<{ token: string; expires_at: string }>("tokens", { method: "POST", body: made }),
  listAudit: (after: string | undefined, action: string | undefined, signal?: AbortSignal) =>
    json<List<AuditLine>>(`audit${query({ limit: 50, after, action })}`, { signal }),
  listModels: (signal?: AbortSignal) => json<List<PricedModel>>("models", { signal }),
  health: (signal?: AbortSignal) => json<ServerHealth>("healthz", { signal }),
  /** Throws ApiError where the server cannot take a turn now, with the reason. */
  ready: (signal?: AbortSignal) => json<{ status: string }>("readyz", { signal }),
};
