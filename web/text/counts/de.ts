// What the page counts, in German, by the plural forms of the language (CLDR); `{n}` stands for the number.

import type { Text } from "../text.ts";

export const counts: Text["counts"] = {
  unsaved: {
    one: "Das letzte {n} Zeichen, das Sie sehen, hat der Server nicht gespeichert.",
    other: "Die letzten {n} Zeichen, die Sie sehen, hat der Server nicht gespeichert.",
  },
  hiddenVersions: { one: "{n} verborgene Fassung", other: "{n} verborgene Fassungen" },
  trashed: { one: "{n} Gespräch in den Papierkorb gelegt.", other: "{n} Gespräche in den Papierkorb gelegt." },
  eraseCount: { one: "{n} Gespräch endgültig löschen?", other: "{n} Gespräche endgültig löschen?" },
  erasedCount: { one: "{n} Gespräch endgültig gelöscht.", other: "{n} Gespräche endgültig gelöscht." },
  tokens: { one: "{n} Token", other: "{n} Tokens" },
  unpricedTurns: {
    one: "Antworten ohne Preis, nicht enthalten: {n}",
    other: "Antworten ohne Preis, nicht enthalten: {n}",
  },
  sentTokens: { one: "{n} Token wird gesendet", other: "{n} Tokens werden gesendet" },
};
