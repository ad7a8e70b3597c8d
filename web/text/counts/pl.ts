// What the page counts, in Polish, by the plural forms of the language (CLDR); `{n}` stands for the number.

import type { Text } from "../text.ts";

export const counts: Text["counts"] = {
  unsaved: {
    one: "Ostatniego {n} znaku, który widzisz, serwer nie zapisał.",
    few: "Ostatnich {n} znaków, które widzisz, serwer nie zapisał.",
    many: "Ostatnich {n} znaków, które widzisz, serwer nie zapisał.",
    other: "Ostatnich {n} znaku, które widzisz, serwer nie zapisał.",
  },
  hiddenVersions: {
    one: "{n} ukryta wersja",
    few: "{n} ukryte wersje",
    many: "{n} ukrytych wersji",
    other: "{n} ukrytej wersji",
  },
  trashed: {
    one: "{n} rozmowę przeniesiono do kosza.",
    few: "{n} rozmowy przeniesiono do kosza.",
    many: "{n} rozmów przeniesiono do kosza.",
    other: "{n} rozmowy przeniesiono do kosza.",
  },
  eraseCount: {
    one: "Usunąć trwale {n} rozmowę?",
    few: "Usunąć trwale {n} rozmowy?",
    many: "Usunąć trwale {n} rozmów?",
    other: "Usunąć trwale {n} rozmowy?",
  },
  erasedCount: {
    one: "Trwale usunięto {n} rozmowę.",
    few: "Trwale usunięto {n} rozmowy.",
    many: "Trwale usunięto {n} rozmów.",
    other: "Trwale usunięto {n} rozmowy.",
  },
  tokens: { one: "{n} token", few: "{n} tokeny", many: "{n} tokenów", other: "{n} tokena" },
  unpricedTurns: {
    one: "Odpowiedzi bez ceny, nieujęte: {n}",
    few: "Odpowiedzi bez ceny, nieujęte: {n}",
    many: "Odpowiedzi bez ceny, nieujęte: {n}",
    other: "Odpowiedzi bez ceny, nieujęte: {n}",
  },
  sentTokens: {
    one: "wysyłany jest {n} token",
    few: "wysyłane są {n} tokeny",
    many: "wysyłanych jest {n} tokenów",
    other: "wysyłane jest {n} tokena",
  },
};
