// A form of the operator's, from its fields as data: in a dialog, so that nothing jumps; what the server refuses is said at its field.

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { ApiError } from "../api/api.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { Dialog } from "../shell/dialog.tsx";
import { asApiError } from "../shell/errors.ts";
import { locale } from "../shell/state.ts";
import { printDateTime, printDay } from "../text/time.ts";

export interface Field {
  name: string;
  label: string;
  /** `usd`: an amount; `number`: whole; `day`, `time`: local; `checks`: any of the options; `heading`: no field, but what follows. Default: text. */
  kind?: "text" | "usd" | "number" | "day" | "time" | "choice" | "checks" | "heading";
  more?: string;
  required?: boolean;
  placeholder?: string;
  options?: readonly (readonly [value: string, label: string])[];
  most?: number;
  pattern?: string;
  /** Where the server's refusals of it point to. Default: its name. */
  pointer?: string;
}

/** By the fields' names; of checks the chosen ones, with spaces between. */
export type Values = Readonly<Record<string, string>>;

export const listOf = (value: string | undefined): string[] => value?.split(" ").filter(Boolean) ?? [];
/** An amount as the API takes it, however the reader writes it. */
export const usdOf = (value: string | undefined): string => (value ?? "").trim().replace(",", ".");

interface FormProps {
  title: string;
  intro?: string | undefined;
  submit: string;
  start: Values;
  fields(values: Values): readonly Field[];
  /** Throws what the server refuses. */
  onSubmit(values: Values): Promise<void>;
  onClose(): void;
}

export function FormDialog({ title, intro, submit, start, fields, onSubmit, onClose }: FormProps) {
  const values = useSignal<Values>(start);
  const error = useSignal<ApiError | null>(null);
  const sending = useSignal(false);
  const shown = fields(values.value);
  const told = (field: Field) =>
    error.value?.fields.find(({ pointer }) => `${pointer}/`.startsWith(`/${field.pointer ?? field.name}/`))?.detail;
  const send = async () => {
    sending.value = true;
    try {
      await onSubmit(values.value);
    } catch (cause) {
      error.value = asApiError(cause);
      sending.value = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose} keep>
      <form
        class="room-form"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {intro && <p class="quiet wide">{intro}</p>}
        {shown.map((field, index) => (
          <FieldView
            key={field.name}
            field={field}
            first={index === 0}
            value={values.value[field.name] ?? ""}
            error={told(field)}
            onChange={(value) => (values.value = { ...values.value, [field.name]: value })}
          />
        ))}
        {error.value && !shown.some(told) && (
          <div class="wide">
            <Refusal error={error.value} />
          </div>
        )}
        <div class="dialog-actions wide">
          <button type="button" class="button" onClick={onClose}>
            {words.value.cancel}
          </button>
          <button type="submit" class="button strong" disabled={sending.value}>
            {submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  field: Field;
  first: boolean;
  value: string;
  error: string | undefined;
  onChange(value: string): void;
}

const types = { text: "text", usd: "text", number: "number", day: "date", time: "datetime-local" } as const;

function FieldView({ field, first, value, error, onChange }: FieldProps) {
  const id = useId();
  const { kind = "text", label, more, options = [] } = field;
  if (kind === "heading")
    return (
      <h3 class="wide">
        {label} {more && <small class="quiet">{more}</small>}
      </h3>
    );
  if (kind === "checks") return <Checks field={field} value={value} error={error} onChange={onChange} />;
  const said = [sayDate(kind, value), more].filter(Boolean).join(" · ") || undefined;
  const given = {
    value,
    id,
    "data-first": first || undefined,
    required: field.required ?? false,
    "aria-invalid": error === undefined ? undefined : true,
    "aria-describedby": said || error ? `${id}-more` : undefined,
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {kind === "choice" ? (
        <select
          {...given}
          title={options.find(([option]) => option === value)?.[1]}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          {options.map(([option, name]) => (
            <option key={option} value={option}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...given}
          type={types[kind] as "text"}
          inputMode={kind === "usd" ? "decimal" : kind === "number" ? "numeric" : undefined}
          pattern={kind === "usd" ? "\\d{1,7}([.,]\\d{1,12})?" : field.pattern}
          {...(kind === "number"
            ? { min: 1, max: field.most }
            : kind === "text"
              ? { maxLength: field.most ?? 128 }
              : {})}
          placeholder={field.placeholder}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      <More id={`${id}-more`} more={said} error={error} />
    </div>
  );
}

/** What was chosen, as the reader writes dates: the field itself follows the browser's language. */
function sayDate(kind: Field["kind"], value: string): string {
  if ((kind !== "day" && kind !== "time") || Number.isNaN(Date.parse(value))) return "";
  return kind === "day" ? printDay(locale.value, value) : printDateTime(locale.value, value);
}

function Checks({ field: { label, more, options = [] }, value, error, onChange }: Omit<FieldProps, "first">) {
  const chosen = listOf(value);
  const id = useId();
  return (
    <fieldset class="wide" aria-describedby={more || error ? `${id}-more` : undefined}>
      <legend>{label}</legend>
      <div class="checks">
        {options.map(([option, name]) => (
          <label key={option}>
            <input
              type="checkbox"
              checked={chosen.includes(option)}
              onChange={({ currentTarget: { checked } }) =>
                onChange([...chosen.filter((one) => one !== option), ...(checked ? [option] : [])].join(" "))
              }
            />
            {name}
          </label>
        ))}
      </div>
      <More id={`${id}-more`} more={more} error={error} />
    </fieldset>
  );
}

function More({ id, more, error }: { id: string; more: string | undefined; error: string | undefined }) {
  if (error !== undefined)
    return (
      <small id={id} class="refused" role="alert" lang="en">
        {error}
      </small>
    );
  return more ? (
    <small id={id} class="quiet">
      {more}
    </small>
  ) : null;
}
