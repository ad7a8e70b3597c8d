// What the page counts, in English, by the plural forms of the language (CLDR); `{n}` stands for the number.

export const counts = {
  unsaved: {
    one: "The last {n} character you see was not saved by the server.",
    other: "The last {n} characters you see were not saved by the server.",
  },
  hiddenVersions: { one: "{n} hidden version", other: "{n} hidden versions" },
  trashed: { one: "{n} conversation moved to trash.", other: "{n} conversations moved to trash." },
  eraseCount: { one: "Delete {n} conversation for good?", other: "Delete {n} conversations for good?" },
  erasedCount: { one: "{n} conversation deleted for good.", other: "{n} conversations deleted for good." },
  tokens: { one: "{n} token", other: "{n} tokens" },
  unpricedTurns: { one: "Answers without a price, not in it: {n}", other: "Answers without a price, not in it: {n}" },
  sentTokens: { one: "{n} token is sent", other: "{n} tokens are sent" },
};
