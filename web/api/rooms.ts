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
export interface NewKey {
  name: string;
  scopes: string[];
  user?: string;
  rate?: Rate;
  expires_at?: string;
  limits?: Limit[];
}
export type BudgetWindow = "total" | "day" | "week" | "month";
export interface Budget {
  scope: string;
  window: BudgetWindow;
  models: string[] | null;
  limit: string;
  settled: string;
  held: string;
  left: string;
  resets_at: string | null;
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

const budget = (scope: string) => `budgets/${encodeURIComponent(scope)}`;

export const roomApi = {
  readUsage: (asked: UsageQuery, signal?: AbortSignal) => json<UsageList>(`usage${query({ ...asked })}`, { signal }),
  readUsageCsv: (asked: UsageQuery) => send(`usage${query({ ...asked, format: "csv" })}`),
  getOwnKey: () => json<Key>("keys/me"),
  listKeys: (after: string | undefined, signal?: AbortSignal) =>
    json<List<Key>>(`keys${query({ limit: 50, after })}`, { signal }),
  createKey: (made: NewKey) => json<Key & { secret: string }>("keys", { method: "POST", body: made }),
  changeKey: (id: string, change: { disabled?: boolean; rate?: Rate | null; name?: string }) =>
    json<Key>(key(id), { method: "PATCH", body: change }),
  rotateKey: (id: string, graceSeconds: number) =>
    json<Key & { secret: string }>(`${key(id)}/rotate`, { method: "POST", body: { grace_seconds: graceSeconds } }),
  deleteKey: (id: string) => send(key(id), { method: "DELETE" }),
  listBudgets: (signal?: AbortSignal) => json<List<Budget>>("budgets?limit=100", { signal }),
  putBudget: (scope: string, limits: Limit[]) => json<List<Budget>>(budget(scope), { method: "PUT", body: { limits } }),
  deleteBudget: (scope: string) => send(budget(scope), { method: "DELETE" }),
  listAudit: (after: string | undefined, action: string | undefined, signal?: AbortSignal) =>
    json<List<AuditLine>>(`audit${query({ limit: 50, after, action })}`, { signal }),
  listModels: (signal?: AbortSignal) => json<List<PricedModel>>("models", { signal }),
  health: (signal?: AbortSignal) => json<ServerHealth>("healthz", { signal }),
  /** Throws ApiError where the server cannot take a turn now, with the reason. */
  ready: (signal?: AbortSignal) => json<{ status: string }>("readyz", { signal }),
};
