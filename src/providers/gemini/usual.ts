// The events that a streamed answer is made of, recognised without being parsed: pieces of plain text or of a thought, each with the
// running total, the model and the answer's name. Whatever differs by a blank is parsed.

// Each is the whole grammar of its value (RFC 8259), so that what matches is valid JSON and has no other member. A text of more escapes is parsed
// in less time than it is gone through, and no usage is longer than any that is kept.
const text = String.raw`[^"\\\x00-\x1f]*(?:(\\)(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*){0,30}`;
const count = String.raw`(?:0|[1-9]\d{0,14})`;
const detail = String.raw`\{"modality": "[A-Z]{1,40}","tokenCount": ${count}\}`;
const details = String.raw`\[${detail}(?:,${detail}){0,9}\]`;
// Counters by name and in their order: letters that are known are compared many at once, others one by one (a third of the time).
const usage =
  String.raw`\{"promptTokenCount": ${count}(?:,"candidatesTokenCount": ${count})?,"totalTokenCount": ${count}(?:,"cachedContentTokenCount": ${count})?` +
  `,"promptTokensDetails": ${details}(?:,"cacheTokensDetails": ${details})?` +
  `(?:,"toolUsePromptTokenCount": ${count},"toolUsePromptTokensDetails": ${details})?` +
  String.raw`(?:,"thoughtsTokenCount": ${count})?(?:,"serviceTier": "\w{1,40}")?\}`;
/** 1: the text; 2, 3, 4: there where it has an escape, is a thought, is the last; 5: the usage; 6: the model. */
const usual = new RegExp(
  String.raw`data: \{"candidates": \[\{"content": \{"parts": \[\{"text": "(${text})"(,"thought": true)?\}\],"role": "model"\}(,"finishReason": "STOP")?,"index": 0\}\],` +
    String.raw`"usageMetadata": (${usage}),"modelVersion": "([\w.-]{1,200})","responseId": "[\w-]{1,200}"\}\r?\n\r?\n`,
  "y",
);

/** Usual events one behind the other, all of them pieces of text or all of them thoughts. */
export interface Run {
  kind: "run";
  isThought: boolean;
  /** The piece of each event that has one. */
  texts: string[];
  /** Whether one of them ends the answer. */
  isDone: boolean;
  /** What the last of them says, as sent. */
  usage: string;
  model: string;
  /** Where in the stream it ends. */
  end: number;
}

/** The run that begins at `start`; null where none does. */
export function findRun(stream: string, start: number): Run | null {
  const texts: string[] = [];
  let isThought = false;
  let isDone = false;
  let end = start;
  let last: RegExpExecArray | null = null;
  usual.lastIndex = start;
  for (let found = usual.exec(stream); found !== null; found = usual.exec(stream)) {
    const text = found[1]!;
    const isOther = found[3] !== undefined;
    if (last === null) isThought = isOther;
    else if (isThought !== isOther) break;
    if (text !== "") texts.push(found[2] === undefined ? text : JSON.parse(`"${text}"`));
    if (found[4] !== undefined) isDone = true;
    end = usual.lastIndex;
    last = found;
  }
  return last && { kind: "run", texts, isThought, isDone, usage: last[5]!, model: last[6]!, end };
}
