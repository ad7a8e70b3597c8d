// The lazy part: the highlighter with the languages people usually ask about.

import hljs from "highlight.js/lib/common";

export function highlightAs(code: string, language: string): string | null {
  if (!hljs.getLanguage(language)) return null;
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
