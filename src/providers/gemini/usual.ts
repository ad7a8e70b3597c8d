// The event that a streamed answer is made of, recognised without being parsed: one piece of plain text or of a thought, the running
// total, the model and the answer's name. Whatever differs by a blank is parsed (docs/decisions/turn-cost.md has what this saves).

export interface UsualEvent {
  text: string;
  isThought: boolean;
  /** The model was done with it. */
  isLast: boolean;
  /** As it was sent. */
  usage: string;
  modelVersion: string;
  responseId: string;
}

/** In characters: a longer one is parsed as well as it is searched. */
const longest = 4_096;

// Each is the whole grammar of its value (RFC 8259), so that what matches is valid JSON and has no other member.
const text = String.raw`[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*`;
const count = String.raw`(?:0|[1-9]\d{0,14})`;
const detail = String.raw`\{"modality": "\w+","tokenCount": ${count}\}`;
const counter = String.raw`"\w+": (?:${count}|"\w*"|\[${detail}(?:,${detail})*\])`;
const usual = new RegExp(
  String.raw`^\{"candidates": \[\{"content": \{"parts": \[\{"text": "(${text})"(,"thought": true)?\}\],"role": "model"\}(,"finishReason": "STOP")?,"index": 0\}\],` +
    String.raw`"usageMetadata": (\{${counter}(?:,${counter})*\}),"modelVersion": "([\w.-]{1,200})","responseId": "([\w-]{1,200})"\}$`,
);

/** Undefined for any other event, and for what is none. */
export function findUsual(json: string): UsualEvent | undefined {
  const found = json.length > longest ? null : usual.exec(json);
  if (found === null) return undefined;
  const [, printed = "", thought, stop, usage = "", modelVersion = "", responseId = ""] = found;
  const text = printed.includes("\\") ? (JSON.parse(`"${printed}"`) as string) : printed;
  return { text, isThought: thought !== undefined, isLast: stop !== undefined, usage, modelVersion, responseId };
}
