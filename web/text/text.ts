// How words are put together: places filled in, plurals, numbers as the reader's locale writes them.

import type { en } from "./en.ts";
import { numberFormat } from "./formats.ts";

/** The same keys, any words. */
type Words<T> = T extends string ? string : { readonly [K in keyof T]: K extends "counts" ? Counts : Words<T[K]> };
export type Text = Words<typeof en>;
/** A text by a name that comes from the server, so that it may be missing. */
export type Dictionary = Readonly<Record<string, string | undefined>>;

export type Counted = keyof (typeof en)["counts"];
/** The forms that a language has (CLDR), each with `{n}`. */
type Counts = {
  readonly [Name in Counted]: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { other: string };
};

/** Puts values into the `{name}` places of a text. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}

/** The right plural form for `n`, with the number printed as the locale does. */
export function count(text: Text, locale: string, what: Counted, n: number): string {
  const forms = text.counts[what];
  const form = forms[new Intl.PluralRules(locale).select(n)] ?? forms.other;
  return fill(form, { n: printNumber(locale, n) });
}

export function printNumber(locale: string, n: number): string {
  return numberFormat(locale).format(n);
}
