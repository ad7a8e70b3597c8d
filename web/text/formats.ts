// The locale's writers of numbers and dates: made once for each way of writing, since making one is dear.

const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

export function numberFormat(locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  return kept(numbers, locale, options, () => new Intl.NumberFormat(locale, options));
}

export function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  // The reader may travel while the page is open.
  const here = { ...options, offset: new Date().getTimezoneOffset() };
  return kept(dates, locale, here, () => new Intl.DateTimeFormat(locale, options));
}

/** As many are kept as there are ways of writing in the page, for each language that was chosen: some dozens. */
function kept<Format>(known: Map<string, Format>, locale: string, options: object, make: () => Format): Format {
  const key = `${locale} ${JSON.stringify(options)}`;
  let format = known.get(key);
  if (!format) {
    format = make();
    known.set(key, format);
  }
  return format;
}
