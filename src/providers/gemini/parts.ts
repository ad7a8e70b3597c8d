// What a part of an answer holds: text, thought, or something that this server cannot show yet, which has a name.

import type { Candidate, Part } from "@google/genai";

/** Members that only say something about the text beside them. */
const aboutText = new Set(["text", "thought", "thoughtSignature", "partMetadata"]);
const names: Record<string, string> = {
  functionCall: "function_call",
  toolCall: "tool_call",
  toolResponse: "tool_result",
  inlineData: "file",
  fileData: "file",
  executableCode: "code",
  codeExecutionResult: "code_result",
};
/** In characters: an unknown member's own name. */
const longestName = 40;

/** The model asks for a function to be called, and waits for what it gives. */
export const functionCall = "function_call";

/** Whether a part is more than plain text or a plain thought, so that only its own JSON can stand for it. */
export function holdsMore(part: Part): boolean {
  for (const name in part) if (name !== "text" && name !== "thought") return true;
  return false;
}

/** The name of what a part holds beside text; undefined where it is text alone, signed or not. */
export function nameOther(part: Part): string | undefined {
  for (const name in part) if (!aboutText.has(name)) return names[name] ?? name.slice(0, longestName);
  return undefined;
}

/** Names of what a candidate says about its text: where it was found, whom it cites. */
export function nameSources(candidate: Candidate): string[] {
  const found: string[] = [];
  const { groundingMetadata, urlContextMetadata, citationMetadata } = candidate;
  if (holdsAny(groundingMetadata, "groundingChunks") || holdsAny(urlContextMetadata, "urlMetadata"))
    found.push("sources");
  if (holdsAny(citationMetadata, "citationSources") || holdsAny(citationMetadata, "citations")) found.push("citations");
  return found;
}

function holdsAny(holder: object | undefined, name: string): boolean {
  const list = typeof holder === "object" && holder !== null ? (holder as Record<string, unknown>)[name] : undefined;
  return Array.isArray(list) && list.length > 0;
}

/** In characters: signatures seen are some thousand long, and an answer has a few. */
const longestSignature = 1_000_000;

/** Text, thoughts and signatures alone, which together say what the answer says. */
export function acceptsParts(vendorParts: string, answer: string): boolean {
  let parts: unknown;
  try {
    parts = JSON.parse(vendorParts);
  } catch {
    return false;
  }
  if (!Array.isArray(parts) || parts.length === 0 || !parts.every(isOwnPart)) return false;
  return parts.map((part: Part) => (part.thought ? "" : (part.text ?? ""))).join("") === answer;
}

function isOwnPart(part: unknown): part is Part {
  if (typeof part !== "object" || part === null || Array.isArray(part)) return false;
  return Object.entries(part).every(([name, value]) => {
    if (name === "text") return typeof value === "string";
    if (name === "thought") return typeof value === "boolean";
    if (name !== "thoughtSignature" || typeof value !== "string") return false;
    return value.length <= longestSignature && /^[\w+/=-]*$/.test(value);
  });
}
