// The emulator's token rule, stated and repeatable: a quarter of the UTF-8 bytes, rounded up, for each part.

import type { Content, GenerateRequest, Part } from "./request.ts";

/** Tokens of an image, video or document part, whatever its size (the vendor counts 258 for an image tile). */
export const mediaTokens = 258;

/** ceil(UTF-8 bytes / 4). The same rule for prompts, answers and thoughts. */
export function countTextTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

function countPart(part: Part): number {
  if (part.text !== undefined) return countTextTokens(part.text);
  if (part.inlineData !== undefined || part.fileData !== undefined) return mediaTokens;
  return countTextTokens(JSON.stringify(part));
}

/** Sum over the parts; nothing is added for the message itself. */
export function countContent(content: Content): number {
  let tokens = 0;
  for (const part of content.parts) tokens += countPart(part);
  return tokens;
}

/** What stands before the messages: the system instruction and the tools. */
export function countHead(request: Pick<GenerateRequest, "systemInstruction" | "tools">): number {
  const system = request.systemInstruction ? countContent(request.systemInstruction) : 0;
  return system + (request.tools ? countTextTokens(JSON.stringify(request.tools)) : 0);
}

/** The longest prefix of a text that counts at most so many tokens, cut between characters. */
export function cutToTokens(text: string, tokens: number): string {
  if (countTextTokens(text) <= tokens) return text;
  const bytes = Buffer.from(text);
  let end = Math.max(0, tokens) * 4;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
