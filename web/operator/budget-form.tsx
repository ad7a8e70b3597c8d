// A limit, set or changed: for whom, in which time, how much, for which models; and one that is raised for a time.

import { type Budget, type BudgetWindow, type Key, roomApi, type Scoped } from "../api/rooms.ts";
import { words } from "../rooms/words.ts";
import { may } from "../shell/me.ts";
import { fill } from "../text/text.ts";
import { printLocalTime } from "../text/time.ts";
import { type Field, FormDialog, listOf, usdOf, type Values } from "./form.tsx";
import { changeLimits, limitOf } from "./limit.ts";

const kinds = ["project", "user", "key", "session", "global"] as const;
const windows = ["day", "week", "month", "total"] as const;

interface FormProps {
  /** What is changed; null: a new limit, for anybody. */
  of: Budget | null;
  /** All limits as they are shown; undefined: perhaps not all. */
  shown: readonly Budget[] | undefined;
  project: string | undefined;
  models: readonly string[];
  keys: readonly Key[];
  onClose(): void;
  onDone(): void;
}

export function BudgetForm({ of: budget, shown, project, models, keys, onClose, onDone }: FormProps) {
  const t = words.value;
  const scopeOf = ({ kind = "", name = "" }: Values) =>
    budget?.scope ?? (kind === "project" || kind === "global" ? kind : `${kind}:${name.trim()}`);
  return (
    <FormDialog
      title={budget ? fill(t.changeLimit, { window: t.windows[budget.window] }) : t.newBudget}
      submit={t.setBudget}
      start={valuesOf(budget, keys)}
      fields={({ kind }) => [...(budget ? [] : scopeFields(kind ?? "", keys)), ...limitFields(budget, models)]}
      onSubmit={async (values) => {
        const chosen = listOf(values.models);
        const to = {
          window: values.window as BudgetWindow,
          usd: usdOf(values.usd),
          ...(chosen.length > 0 && { models: chosen.toSorted() }),
          ...(budget && { increases: budget.increases }),
        };
        const soft = values.soft === "" ? null : Number(values.soft) / 100;
        const scope = scopeOf(values);
        const ofScope = shown?.filter((one) => one.scope === scope);
        await changeLimits({ scope, project }, { from: budget ?? undefined, to, soft, shown: ofScope });
        onDone();
      }}
      onClose={onClose}
    />
  );
}

function valuesOf(budget: Budget | null, keys: readonly Key[]): Values {
  if (!budget) return { kind: "project", name: keys[0]?.id ?? "", window: "month", soft: "80" };
  const { usd, window, models } = limitOf(budget);
  const soft = budget.soft === null ? "" : `${Math.round(budget.soft * 100)}`;
  return { window, usd, soft, models: models?.join(" ") ?? "" };
}

function scopeFields(kind: string, keys: readonly Key[]): Field[] {
  const t = words.value;
  const offered = kinds.filter((one) => one !== "global" || may("operator"));
  const whom: Field = {
    ...{ name: "kind", label: t.scope, kind: "choice" },
    options: offered.map((one) => [one, t.scopeKinds[one]]),
  };
  const name = { name: "name", required: true };
  if (kind === "user") return [whom, { ...name, label: t.groups.user }];
  if (kind === "session") return [whom, { ...name, label: t.scopeId }];
  if (kind !== "key") return [whom];
  if (keys.length === 0) return [whom, { ...name, label: t.scopeId }];
  return [whom, { ...name, label: t.groups.key_id, kind: "choice", options: keys.map((key) => [key.id, key.name]) }];
}

function limitFields(budget: Budget | null, models: readonly string[]): Field[] {
  const t = words.value;
  const known = [...new Set([...models, ...(budget?.models ?? [])])];
  return [
    { name: "window", label: t.window, kind: "choice", options: windows.map((one) => [one, t.windows[one]]) },
    { name: "usd", label: t.limitUsd, kind: "usd", required: true, pointer: "limits" },
    { name: "soft", label: t.softShare, kind: "number", most: 100, more: t.softMore, placeholder: t.noNotice },
    {
      ...{ name: "models", label: t.onlyCountModels, kind: "checks", more: t.onlyCountModelsMore },
      options: known.map((id) => [id, id]),
    },
  ];
}

interface RaiseProps {
  scoped: Scoped;
  title: string;
  /** When the window of its narrowest limit is over. */
  until: string | null;
  onClose(): void;
  onDone(): void;
}

const dayMs = 86_400_000;

export function RaiseForm({ scoped, title, until, onClose, onDone }: RaiseProps) {
  const t = words.value;
  return (
    <FormDialog
      title={title}
      intro={t.raiseMore}
      submit={t.raiseNow}
      start={{ until: printLocalTime(new Date(until ?? Date.now() + dayMs)) }}
      fields={() => [
        { name: "usd", label: t.raiseBy, kind: "usd", required: true },
        { name: "until", label: t.raiseUntil, kind: "time", required: true },
      ]}
      onSubmit={async ({ usd, until: chosen = "" }) => {
        await roomApi.increaseBudget(scoped, { usd: usdOf(usd), until: new Date(chosen).toISOString() });
        onDone();
      }}
      onClose={onClose}
    />
  );
}
