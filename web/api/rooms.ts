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
  price: { id: string; rates: Record<string, unknown> } | null;
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

export const roomApi = {
  readUsage: (asked: UsageQuery, signal?: AbortSignal) => json<UsageList>(`usage${query({ ...asked })}`, { signal }),
  readUsageCsv: (asked: UsageQuery) => send(`usage${query({ ...asked, format: "csv" })}`),
  listKeys: (after: string | undefined, signal?: AbortSignal) =>
    json<List<Key>>(`keys${query({ limit: 50, after })}`, { signal }),
  getKey: (id: string) => json<Key>(key(id)),
  createKey: (made: Partial<KeyFields>) => json<Key & { secret: string }>("keys", { method: "POST", body: made }),
  changeKey: (id: string, change: Partial<KeyFields>) => json<Key>(key(id), { method: "PATCH", body: change }),
  rotateKey: (id: string, graceSeconds: number) =>
    json<Key & { secret: string }>(`${key(id)}/rotate`, { method: "POST", body: { grace_seconds: graceSeconds } }),
  deleteKey: (id: string) => send(key(id), { method: "DELETE" }),
  listBudgets: (
    asked: { after?: string | undefined; scope?: string; project?: string | undefined },
    signal?: AbortSignal,
  ) => json<List<Budget>>(`budgets${query({ limit: 50, ...asked })}`, { signal }),
  putBudget: ({ scope, project }: Scoped, body: { limits: Limit[]; soft?: number }) =>
    json<List<Budget>>(budget(scope, project), { method: "PUT", body }),
  increaseBudget: ({ scope, project }: Scoped, body: { usd: string; until: string }) =>
    json<List<Budget>>(budget(scope, project, "/increase"), { method: "POST", body }),
  deleteBudget: ({ scope, project }: Scoped) => send(budget(scope, project), { method: "DELETE" }),
  listProjects: (after?: string, signal?: AbortSignal) =>
    json<List<Project>>(`projects${query({ limit: 50, after })}`, { signal }),
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
