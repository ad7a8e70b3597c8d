// Cuts a long text where Markdown cannot reach across, so that one hostile passage costs no more than itself.

/** Shorter texts are read as one. */
const segmentCharacters = 8_000;
/** A link definition gives a meaning to what stands anywhere else, so such a text is read as a whole. */
export const definition = /^ {0,3}\[(?!\^[^\]\s]{1,40}\]:)[^\]\n]{1,1000}\]:/m;
const longestWithDefinitions = 200_000;

/**
 * The pieces of a text, in order; together they are the text. A cut lies after an empty line, outside of fences, before a line
 * that begins with a letter or a heading: no list, quote or table of Markdown goes on there.
 */
export function cutSegments(text: string): string[] {
  if (text.length <= segmentCharacters) return [text];
  if (text.length <= longestWithDefinitions && definition.test(text)) return [text];
  const segments: string[] = [];
  let from = 0;
  let fence = "";
  let empty = false;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(at, Math.min(next, at + 200));
    if (fence === "" && empty && at - from >= segmentCharacters && /^(?:\p{L}|#|\*\*)/u.test(line)) {
      segments.push(text.slice(from, at));
      from = at;
    }
    const [, marks = ""] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence === "") fence = marks;
    else if (marks.startsWith(fence) && line.trim() === marks) fence = "";
    empty = line.trim() === "";
    at = next;
  }
  segments.push(text.slice(from));
  return segments;
}
