// The languages of the page: one file of words each, loaded when it is chosen. English is always there.

import { en } from "./en.ts";
import type { Text } from "./text.ts";

export const languages = ["en", "uk", "de", "pl"] as const;
export type Language = (typeof languages)[number];

/** Each language's name in itself. */
export const names: Record<Language, string> = {
  en: "English",
  uk: "Українська",
  de: "Deutsch",
  pl: "Polski",
};

const loaders: Record<Language, () => Promise<Text>> = {
  en: async () => en,
  uk: async () => (await import("./uk.ts")).uk,
  de: async () => (await import("./de.ts")).de,
  pl: async () => (await import("./pl.ts")).pl,
};

/** The words of a language; English where they cannot be fetched. */
export async function loadText(language: Language): Promise<Text> {
  try {
    return await loaders[language]();
  } catch {
    return en;
  }
}

/** The supported language nearest to what the browser prefers. */
export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const found = languages.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (found) return found;
  }
  return "en";
}

/** The reader's own way of writing dates and numbers in a language: "en-GB" for English, if that is what the browser names. */
export function localeOf(language: Language, preferred: readonly string[]): string {
  const own = preferred.find((tag) => tag.toLowerCase().split("-")[0] === language);
  try {
    return Intl.getCanonicalLocales(own ?? language)[0] ?? language;
  } catch {
    return language; // some systems name locales that are none, e.g. en-US@posix
  }
}
