// The event that a streamed answer is made of, recognised without being parsed: one piece of plain text or of a thought, the running
// total, the model and the answer's name. Whatever differs by a blank is parsed (docs/decisions/turn-cost.md has what this saves).

/** In characters: a longer one is parsed as well as it is searched. */
const longest = 4_096;

// Each is the whole grammar of its value (RFC 8259), so that what matches is valid JSON and has no other member.
const text = String.raw`[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*`;
const count = String.raw`(?:0|[1-9]\d{0,14})`;
const detail = String.raw`\{"modality": "\w+","tokenCount": ${count}\}`;
const counter = String.raw`"\w+": (?:${count}|"\w*"|\[${detail}(?:,${detail})*\])`;
const usual = new RegExp(
  String.raw`^\{"candidates": \[\{"content": \{"parts": \[\{"text": "(${text})"(,"thought": true)?\}\],"role": "model"\}(,"finishReason": "STOP")?,"index": 0\}\],` +
    String.raw`"usageMetadata": (\{${counter}(?:,${counter})*\}),"modelVersion": "([\w.-]{1,200})","responseId": "[\w-]{1,200}"\}$`,
);

/** From 1 on: text, `thought` if it is one, the finish if there is one, usage as sent, model. Null for any other event, and for what is none. */
export function findUsual(json: string): RegExpExecArray | null {
  const found = json.length > longest ? null : usual.exec(json);
  if (found?.[1]?.includes("\\")) found[1] = JSON.parse(`"${found[1]}"`);
  return found;
}
