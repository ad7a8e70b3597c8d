// A key, made or changed: what it is called, what it may do, for whom, how much, until when, with which models.

import { type Key, type KeyFields, type Project, type Rate, roomApi } from "../api/rooms.ts";
import { words } from "../rooms/words.ts";
import { fill } from "../text/text.ts";
import { printLocalDay } from "../text/time.ts";
import { type Field, FormDialog, listOf, usdOf, type Values } from "./form.tsx";
import { changeLimits } from "./limit.ts";

interface FormProps {
  /** Null: a new one. */
  of: Key | null;
  models: readonly string[];
  /** Those it can be made in, the caller's own first; one is no choice. */
  projects: readonly Project[];
  onClose(): void;
  onDone(key: Key & { secret?: string }): void;
}

const rates = ["requests_per_minute", "tokens_per_minute", "concurrent_turns"] as const;
type RateName = (typeof rates)[number];
const most: Record<RateName, number> = {
  requests_per_minute: 1_000_000,
  tokens_per_minute: 1_000_000_000,
  concurrent_turns: 10_000,
};

export function rateWords(name: RateName): string {
  const t = words.value;
  return {
    requests_per_minute: t.requestsPerMinute,
    tokens_per_minute: t.tokensPerMinute,
    concurrent_turns: t.turnsAtOnce,
  }[name];
}

const ofMonth = (key: Key) => key.limits.find(({ window, models }) => window === "month" && !models)?.usd ?? "";

function fieldsOf(key: Key | null, models: readonly string[], projects: readonly Project[]): Field[] {
  const t = words.value;
  const scopes = ["chat", "read", "admin", ...(key?.scopes.includes("operator") ? ["operator"] : [])] as const;
  const limits = (prefix: string, pointer: string) =>
    rates.map(
      (name): Field => ({
        name: prefix + name,
        label: rateWords(name),
        kind: "number",
        most: most[name],
        placeholder: t.noLimit,
        pointer: `${pointer}/${name}`,
      }),
    );
  const choice: Field[] =
    projects.length > 1
      ? [{ name: "project", label: t.project, kind: "choice", options: projects.map(({ id, name }) => [id, name]) }]
      : [];
  const known = [...new Set([...models, ...(key?.models ?? [])])];
  return [
    { name: "name", label: t.name, required: true, most: 100 },
    { name: "expires_at", label: t.expires, kind: "day", more: t.expiresMore },
    {
      name: "scopes",
      label: t.scopes,
      kind: "checks",
      options: scopes.map((scope) => [scope, t.scopeNames[scope as keyof typeof t.scopeNames]]),
    },
    ...(key === null ? [{ name: "user", label: t.keyUser, more: t.keyUserMore }, ...choice] : []),
    { name: "limits", label: t.limits, kind: "heading" },
    { name: "usd", label: t.monthUsd, kind: "usd", placeholder: t.noLimit, pointer: "limits" },
    ...limits("", "rate"),
    { name: "per_user", label: t.limitsOfUser, kind: "heading", more: t.limitsOfUserMore },
    ...limits("user_", "rate/per_user"),
    {
      name: "models",
      label: t.onlyModels,
      kind: "checks",
      more: t.onlyModelsMore,
      options: known.map((id) => [id, id]),
    },
  ];
}

function valuesOf(key: Key | null, project: string): Values {
  const rate = (prefix: string, limits: Omit<Rate, "per_user"> = {}) =>
    Object.fromEntries(rates.map((name) => [prefix + name, `${limits[name] ?? ""}`]));
  if (!key) return { scopes: "chat read", project };
  return {
    name: key.name,
    scopes: key.scopes.join(" "),
    models: key.models?.join(" ") ?? "",
    expires_at: key.expires_at === null ? "" : printLocalDay(new Date(key.expires_at)),
    usd: ofMonth(key),
    ...rate("", key.rate ?? {}),
    ...rate("user_", key.rate?.per_user),
  };
}

function rateOf(values: Values, prefix: string): Omit<Rate, "per_user"> {
  return Object.fromEntries(
    rates.filter((name) => values[prefix + name]).map((name) => [name, Number(values[prefix + name])]),
  );
}

function readKey(values: Values): Pick<KeyFields, "name" | "scopes" | "models" | "rate" | "expires_at"> {
  const [own, ofUser] = [rateOf(values, ""), rateOf(values, "user_")];
  const rate = { ...own, ...(Object.keys(ofUser).length > 0 && { per_user: ofUser }) };
  const models = listOf(values.models);
  return {
    name: (values.name ?? "").trim(),
    scopes: listOf(values.scopes),
    models: models.length > 0 ? models : null,
    rate: Object.keys(rate).length > 0 ? rate : null,
    // To the end of that day, where the reader is.
    expires_at: values.expires_at ? new Date(`${values.expires_at}T23:59:59`).toISOString() : null,
  };
}

/** Sends what has changed, and nothing else: what the form does not show stays as it is. */
async function change(key: Key, start: Values, values: Values): Promise<Key> {
  const before = readKey(start);
  const changed = Object.entries(readKey(values)).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof typeof before]),
  );
  const now = changed.length > 0 ? await roomApi.changeKey(key.id, Object.fromEntries(changed)) : key;
  const usd = usdOf(values.usd);
  if (usd === start.usd) return now;
  const from = { window: "month", models: null } as const;
  const to = usd === "" ? undefined : ({ window: "month", usd } as const);
  await changeLimits({ scope: `key:${key.id}`, project: key.project }, { from, was: start.usd ?? "", to });
  return roomApi.getKey(key.id);
}

async function make(values: Values): Promise<Key & { secret: string }> {
  const [user, usd] = [(values.user ?? "").trim(), usdOf(values.usd)];
  return roomApi.createKey({
    ...readKey(values),
    ...(user !== "" && { user }),
    ...(values.project && { project: values.project }),
    ...(usd !== "" && { limits: [{ window: "month", usd }] }),
  });
}

export function KeyForm({ of: key, models, projects, onClose, onDone }: FormProps) {
  const t = words.value;
  const start = valuesOf(key, projects[0]?.id ?? "");
  return (
    <FormDialog
      title={key ? fill(t.changeOne, { name: key.name }) : t.newKey}
      intro={key?.user ? fill(t.keyUserStays, { user: key.user }) : undefined}
      submit={key ? t.save : t.create}
      start={start}
      fields={() => fieldsOf(key, models, projects)}
      onSubmit={async (values) => onDone(key ? await change(key, start, values) : await make(values))}
      onClose={onClose}
    />
  );
}
