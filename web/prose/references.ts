// Character references and addresses as Markdown has them: what they stand for, and where a link may lead.

export const reference = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z][a-z\d]{1,30}));/gi;

const basic: Readonly<Record<string, string | undefined>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

/** What a character reference stands for; undefined for a name that only the browser knows. */
export function characterOf([, decimal, hexadecimal, name]: RegExpExecArray | RegExpMatchArray): string | undefined {
  if (name !== undefined) return basic[name.toLowerCase()];
  const code = decimal === undefined ? Number.parseInt(hexadecimal ?? "", 16) : Number(decimal);
  return code > 0 && code < 0x110000 && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
}

export function resolve(text: string): string {
  return text.replace(
    reference,
    (whole, ...found) => characterOf([whole, ...found] as unknown as RegExpMatchArray) ?? whole,
  );
}

/** Where a link may lead: the web, a letter, or a path of this same site; null for anything else. */
export function safeAddress(href: string): string | null {
  const address = resolve(href).trim();
  if (/^(?:https?:\/\/|mailto:)/i.test(address)) return address;
  return /^\.?\/(?![/\\])[^\\\s]*$/.test(address) ? address.replace(/^\//, "./") : null;
}
