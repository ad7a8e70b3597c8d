// The control plane through the official SDK, which is loaded on first use (75-100 ms, 31 MB): token counts, model list.

import { ApiError, GoogleGenAI } from "@google/genai";
import { ProviderError, type ProviderModel, type ProviderRequest } from "../../provider.ts";
import { Line } from "../call-clock.ts";
import { hideInError } from "../secret.ts";
import { checkKey, type GeminiContext, timeoutError } from "./context.ts";
import { toGeminiError } from "./errors.ts";
import { readFailure } from "./failure.ts";
import { connectionFailure } from "./request.ts";
import { modelPath, printConversation } from "./wire.ts";

/**
 * The SDK's own call counts contents only. The system instruction counts too, so the whole request is sent in the place
 * the API has for it, which takes precedence (https://ai.google.dev/api/tokens, read 2026-11-23).
 */
export async function countTokens(
  context: GeminiContext,
  request: ProviderRequest,
  signal: AbortSignal,
): Promise<number> {
  modelPath(request.model, "countTokens");
  const conversation = readConversation(request);
  const generateContentRequest = { model: `models/${request.model}`, ...conversation };
  const counted = await runControl(context, signal, (client, abortSignal) =>
    client.models.countTokens({
      model: request.model,
      contents: conversation.contents,
      config: { abortSignal, ...(request.system ? { httpOptions: { extraBody: { generateContentRequest } } } : {}) },
    }),
  );
  return counted.totalTokens ?? 0;
}

/** Models that can answer; throws ProviderError as a call does. */
export async function listModels(context: GeminiContext, signal: AbortSignal): Promise<ProviderModel[]> {
  return await runControl(context, signal, async (client, abortSignal) => {
    const models: ProviderModel[] = [];
    for await (const model of await client.models.list({ config: { pageSize: 1000, abortSignal } })) {
      if (model.supportedActions && !model.supportedActions.includes("generateContent")) continue;
      const id = (model.name ?? "").replace(/^models\//, "");
      models.push({
        id,
        displayName: model.displayName ?? id,
        inputTokenLimit: model.inputTokenLimit ?? 0,
        outputTokenLimit: model.outputTokenLimit ?? 0,
      });
    }
    return models;
  });
}

/** Runs a control call within the first-byte deadline, with its own abort signal, and maps what goes wrong. */
async function runControl<T>(
  context: GeminiContext,
  signal: AbortSignal,
  run: (client: GoogleGenAI, abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const client = createClient(context);
  const line = new Line({ ...context.deadlines, totalMs: context.deadlines.firstByteMs }, signal);
  const abort = new AbortController();
  line.whenCut(() => abort.abort());
  try {
    return await run(client, abort.signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw hideInError(line.expired === null ? mapError(error) : timeoutError(line.expired, error), context.apiKey);
  } finally {
    line.close();
    line.cut();
  }
}

function createClient(context: GeminiContext): GoogleGenAI {
  return new GoogleGenAI({
    apiKey: checkKey(context.apiKey),
    // Set here so that nothing in the environment can turn it to another service or version.
    enterprise: false,
    apiVersion: "v1beta",
    httpOptions: { baseUrl: context.baseUrl },
  });
}

function mapError(error: unknown): ProviderError {
  if (error instanceof ApiError) return toGeminiError(readFailure(error.status, error.message));
  if (error instanceof SyntaxError) {
    return new ProviderError("provider_error", "The provider's answer could not be read.", { cause: error.message });
  }
  return connectionFailure(error);
}

/** What is asked, as data. */
function readConversation(request: ProviderRequest) {
  const { before, after } = printConversation(request);
  return JSON.parse(`{${before}${new TextDecoder().decode(request.memory)}${after}}`);
}
