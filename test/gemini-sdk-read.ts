// Reads an answer through the official SDK, for comparison: what it makes of the same bytes.

import { ApiError, type GenerateContentResponse, GoogleGenAI } from "@google/genai";

export interface SdkRead {
  text: string;
  thought: string;
  /** The vendor's word, of the first candidate; the block reason where the prompt was blocked; null when neither came. */
  finish: string | null;
  usage: unknown;
  /** Parts of the first candidate that hold more than text. */
  otherParts: object[];
  error: { name: string; status: number | null } | null;
}

/** One call to `baseUrl`, streamed or unary. Never throws. */
export async function readWithSdk(baseUrl: string, streamed: boolean): Promise<SdkRead> {
  const client = new GoogleGenAI({ apiKey: "test", enterprise: false, apiVersion: "v1beta", httpOptions: { baseUrl } });
  const request = { model: "gemini-2.5-flash", contents: "hello" };
  const read: SdkRead = { text: "", thought: "", finish: null, usage: null, otherParts: [], error: null };
  try {
    if (!streamed) take(read, await client.models.generateContent(request));
    else for await (const response of await client.models.generateContentStream(request)) take(read, response);
  } catch (error) {
    const status = error instanceof ApiError ? error.status : null;
    read.error = { name: error instanceof Error ? error.name : String(error), status };
  }
  return read;
}

function take(read: SdkRead, response: GenerateContentResponse): void {
  const candidate = response.candidates?.[0];
  for (const part of candidate?.content?.parts ?? []) {
    if (part.thought) read.thought += part.text ?? "";
    else read.text += part.text ?? "";
    if (Object.keys(part).some((name) => name !== "text" && name !== "thought")) read.otherParts.push(part);
  }
  const finish = candidate?.finishReason ?? response.promptFeedback?.blockReason;
  if (finish) read.finish = String(finish);
  if (response.usageMetadata) read.usage = response.usageMetadata;
}
