// The words of the rooms in a language: one file each, as the page's own, and loaded with the rooms.

import type { Language } from "../language.ts";
import { en, type RoomText } from "./en.ts";

const loaders: Record<Language, () => Promise<RoomText>> = {
  en: async () => en,
  uk: async () => (await import("./uk.ts")).uk,
  de: async () => (await import("./de.ts")).de,
  pl: async () => (await import("./pl.ts")).pl,
};

/** English where the words cannot be fetched. */
export async function loadRoomText(language: Language): Promise<RoomText> {
  return loaders[language]().catch(() => en);
}
