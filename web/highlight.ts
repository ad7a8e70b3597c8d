// Colours for code, loaded only when the first code block is shown.

type Highlighter = typeof import("./highlight-languages.ts");
let loading: Promise<Highlighter> | undefined;

const maxCharacters = 60_000;

/** Code as HTML with classes for colours; null when the language is not known or the code is too long to be worth it. */
export async function highlight(code: string, language: string): Promise<string | null> {
  if (language === "" || code.length > maxCharacters) return null;
  loading ??= import("./highlight-languages.ts");
  try {
    return (await loading).highlightAs(code, language);
  } catch {
    loading = undefined; // the file could not be fetched; the code stays readable without colours
    return null;
  }
}
