// How a setting is declared, and how its text becomes a value: each reader throws with what it expects.

/** One setting: how it is named, what it is for, and how its text becomes a value. */
export interface Setting<T> {
  env: string;
  fallback: string;
  says: string;
  secret?: boolean;
  /** Throws with a sentence that says what is expected. */
  read: (text: string) => T;
}

export const text = (value: string) => value;
export const optional = (value: string) => (value === "" ? null : value);
/** A letter that only looks like one of the key's, or that nobody sees, comes from copying; the vendor would say no more than "refused". */
export function apiKey(value: string): string | null {
  const odd = /[^!-~]/u.exec(value);
  if (odd)
    throw new Error(
      `a key: its character ${[...value.slice(0, odd.index)].length + 1} is ${nameCharacter(odd[0])}, no visible ASCII`,
    );
  return optional(value);
}
function nameCharacter(character: string): string {
  const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
  const kind = /\p{Script=Cyrillic}/u.test(character)
    ? "Cyrillic"
    : /\p{L}/u.test(character)
      ? "a letter"
      : "invisible or a sign";
  return `${code} (${kind})`;
}
export function whole(least: number, most: number) {
  return (value: string) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most)
      throw new Error(`a whole number from ${least} to ${most}`);
    return number;
  };
}
export function optionalWhole(least: number, most: number) {
  return (value: string) => (value === "" ? null : whole(least, most)(value));
}
export function oneOf<const T extends string>(...words: T[]) {
  return (value: string): T => {
    const found = words.find((word) => word === value);
    if (!found) throw new Error(`one of ${words.join(", ")}`);
    return found;
  };
}
export function yesOrNo(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off|)$/i.test(value)) return false;
  throw new Error("yes or no");
}
export function webAddress(value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new Error("an address that begins with http:// or https://");
  return value.replace(/\/+$/, "");
}
/** As a browser would name them: in small letters, with a port only where it was given one. */
export function hostNames(value: string): readonly string[] {
  const names = value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.map((name) => {
    if (!/^[^\s:/?#@*[\]\\]+(:\d{1,5})?$/.test(name) || !URL.canParse(`http://${name}`))
      throw new Error("names separated by commas, such as chat.example or chat.example:8443");
    const port = /:\d+$/.exec(name)?.[0] ?? "";
    return new URL(`http://${name}`).hostname + port;
  });
}
/** As a browser names them in `Origin`. */
export function webOrigins(value: string): readonly string[] {
  const names = value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.map((name) => {
    const bare = name.replace(/\/$/, "").toLowerCase();
    if (!/^https?:\/\//.test(bare) || !URL.canParse(bare) || new URL(bare).origin !== bare)
      throw new Error("sites separated by commas, such as https://shop.example or http://localhost:5173");
    return bare;
  });
}
export function databaseAddress(value: string): string {
  if (/^sqlite:.+/.test(value) || /^postgres(ql)?:\/\/.+/.test(value)) return value;
  throw new Error("sqlite:<file> or postgres://user:password@host/database");
}
