// Closes the marks of a text that still grows or broke off, so that nothing half-written is seen as signs.

import { prose } from "./extension.ts";

let remend: typeof import("remend").default = (text) => text;
let loading: Promise<void> | undefined;
/** Words do not wait longer than this for what closes their marks: it is fetched when the first text grows. */
const waitAtMostMs = 500;

/** Resolves when marks can be closed; where that could not be fetched they are seen until their ends have come. */
export function awaitMarks(): Promise<void> {
  loading ??= import("remend").then(
    (loaded) => {
      remend = loaded.default;
    },
    () => {
      loading = undefined;
    },
  );
  return Promise.race([loading, new Promise<void>((resolve) => setTimeout(resolve, waitAtMostMs))]);
}

/** A formula of its own whose end has not come. */
const open = /^ {0,3}(\$\$|\\\[)((?:\\\\|(?!\\\\|\$\$|\\[[\]]|\n[ \t]*\n)[\s\S]){0,3000})(?![\s\S])/m;

/** The text with its marks closed; of a formula or a footnote's mark of which nothing can be shown yet, nothing. */
export function completeMarks(text: string): string {
  const [whole = "", sign, source = ""] = open.exec(text) ?? [];
  if (!sign || prose.test(source)) return completeWords(text);
  const closed = source.trim() ? whole.replace(/(?:\\+|\$)$/, "") + (sign === "$$" ? sign : "\\]") : "";
  return completeWords(text.slice(0, -whole.length)) + closed;
}

function completeWords(text: string): string {
  const options = { linkMode: "text-only", htmlTags: false, comparisonOperators: false, katex: false } as const;
  // A bracket of a formula, or one that is escaped, is no link's: remend would take it off.
  const hidden = text.replace(/\[\^\w*$/, "").replaceAll("\\[", "\\\ue000");
  return remend(hidden, options).replaceAll("\ue000", "[");
}
