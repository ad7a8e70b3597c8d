// The events that a streamed answer is made of, recognised without being parsed: pieces of plain text or of a thought, each with the
// running total, the model and the answer's name. Whatever differs by a blank is parsed.

// Each is the whole grammar of its value (RFC 8259), so that what matches is valid JSON and has no other member. A text of more escapes is parsed
// in less time than it is gone through, and no usage is longer than any that is kept.
const text = String.raw`[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*){0,30}`;
const count = String.raw`(?:0|[1-9]\d{0,14})`;
const detail = String.raw`\{"modality": "[A-Z]{1,40}","tokenCount": ${count}\}`;
const details = String.raw`\[${detail}(?:,${detail}){0,9}\]`;
// Counters by name and in their order: letters that are known are compared many at once, others one by one (a third of the time).
const usage =
  String.raw`\{"promptTokenCount": ${count}(?:,"candidatesTokenCount": ${count})?,"totalTokenCount": ${count}(?:,"cachedContentTokenCount": ${count})?` +
  `,"promptTokensDetails": ${details}(?:,"cacheTokensDetails": ${details})?` +
  `(?:,"toolUsePromptTokenCount": ${count},"toolUsePromptTokensDetails": ${details})?` +
  String.raw`(?:,"thoughtsTokenCount": ${count})?(?:,"serviceTier": "\w{1,40}")?\}`;
// The words around a text: the expression matches them, and by their lengths the text is found.
const head = 'data: {"candidates": [{"content": {"parts": [{"text": "';
const thought = ',"thought": true';
const role = '}],"role": "model"}';
const done = ',"finishReason": "STOP"';
const literal = (words: string) => words.replace(/[{}[\]]/g, "\\$&");
/** Without groups: each is a string for every event, and of most only the text is wanted (100 deltas: a fifth less garbage). */
const usual = new RegExp(
  String.raw`${literal(head)}${text}"(?:${thought})?${literal(role)}(?:${done})?,"index": 0\}\],` +
    String.raw`"usageMetadata": ${usage},"modelVersion": "[\w.-]{1,200}","responseId": "[\w-]{1,200}"\}\r?\n\r?\n`,
  "y",
);
const restOfText = /[^"\\]*(?:\\.[^"\\]*)*/y;
/** Of an event that is known to be usual: its usage and its model. */
const lastWords = /"usageMetadata": (\{.*\}),"modelVersion": "([^"]*)","responseId": "[^"]*"\}\s*$/;

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
  let last = start;
  let end = start;
  usual.lastIndex = start;
  while (usual.test(stream)) {
    const from = end + head.length;
    restOfText.lastIndex = from;
    restOfText.test(stream);
    const to = restOfText.lastIndex;
    const isOther = stream.startsWith(thought, to + 1);
    if (end === start) isThought = isOther;
    else if (isThought !== isOther) break;
    const text = stream.slice(from, to);
    if (text !== "") texts.push(text.includes("\\") ? JSON.parse(`"${text}"`) : text);
    isDone ||= stream.startsWith(done, to + 1 + (isOther ? thought.length : 0) + role.length);
    last = end;
    end = usual.lastIndex;
  }
  if (end === start) return null;
  const [, usage, model] = lastWords.exec(stream.slice(last, end))!;
  return { kind: "run", texts, isThought, isDone, usage: usage!, model: model!, end };
}
