// The rules a readable request must still keep: what the vendor refuses with 400 before any model is asked.

import { inputTokenLimit, type Model, outputTokenLimit } from "./models.ts";
import type { Content, GenerateRequest, GenerationConfig, Part } from "./request.ts";
import {
  bothThinking,
  endsWithModel,
  invalidArgument,
  penaltyNotEnabled,
  tooLong,
  type VendorError,
} from "./vendor-error.ts";

function hasData(part: Part): boolean {
  const { text, thought: _, thoughtSignature, ...data } = part;
  if (text !== undefined) return text !== "" || thoughtSignature !== undefined;
  return Object.values(data).some((value) => value !== undefined);
}

function checkContent(content: Content, path: string, problems: string[]): void {
  if (content.parts.length === 0) problems.push(`${path}.parts: contents.parts must not be empty.`);
  content.parts.forEach((part, index) => {
    if (!hasData(part)) {
      problems.push(`${path}.parts[${index}].data: required oneof field 'data' must have one initialized field`);
    }
  });
}

function checkContents(request: GenerateRequest): VendorError | undefined {
  const problems: string[] = [];
  if (request.contents.length === 0) problems.push("GenerateContentRequest.contents: contents is not specified");
  request.contents.forEach((content, index) => {
    checkContent(content, `GenerateContentRequest.contents[${index}]`, problems);
  });
  if (request.systemInstruction) {
    checkContent(request.systemInstruction, "GenerateContentRequest.system_instruction", problems);
  }
  if (problems.length > 0) return invalidArgument(problems.map((problem) => `* ${problem}\n`).join(""));
  if (request.contents.some(({ role }) => role !== undefined && !["user", "model", "function", ""].includes(role))) {
    return invalidArgument("Please use a valid role: user, model.");
  }
  return undefined;
}

function checkThinking(config: GenerationConfig, model: Model): VendorError | undefined {
  const { thinkingBudget: budget, thinkingLevel: level } = config.thinkingConfig ?? {};
  if (budget !== undefined && level !== undefined) return bothThinking();
  if (level !== undefined && !model.levels.includes(level.toLowerCase())) {
    return model.levels.length === 0
      ? invalidArgument("Thinking level is not supported for this model.")
      : invalidArgument(
          `Thinking level ${level.toUpperCase()} is not supported for this model. Please retry with other thinking level.`,
        );
  }
  if (budget === undefined || budget === -1) return undefined;
  if (model.budget === null) return invalidArgument("Thinking budget is not supported for this model.");
  if (budget === 0) {
    return model.budget.canBeOff
      ? undefined
      : invalidArgument("Budget 0 is invalid. This model only works in thinking mode.");
  }
  const { min, max } = model.budget;
  if (budget >= min && budget <= max) return undefined;
  return invalidArgument(`The thinking budget ${budget} is invalid. Please choose a value between ${min} and ${max}.`);
}

function inRange(name: string, value: number | undefined, min: number, max: number): string | undefined {
  if (value === undefined || (value >= min && value <= max)) return undefined;
  return `* GenerateContentRequest.generation_config.${name}: ${name} must be in the range [${min}, ${max}].\n`;
}

function checkConfig(config: GenerationConfig, model: Model): VendorError | undefined {
  const ranges =
    (inRange("temperature", config.temperature, 0, 2) ?? "") +
    (inRange("top_p", config.topP, 0, 1) ?? "") +
    (inRange("top_k", config.topK, 1, 1000) ?? "") +
    (inRange("max_output_tokens", config.maxOutputTokens, 1, outputTokenLimit) ?? "") +
    (inRange("stop_sequences", config.stopSequences?.length, 0, 5) ?? "");
  if (ranges !== "") return invalidArgument(ranges);
  if ((config.candidateCount ?? 1) !== 1) return invalidArgument("Multiple candidates is not enabled for this model");
  const penalised = config.presencePenalty !== undefined || config.frequencyPenalty !== undefined;
  if (penalised && !model.penalties) return penaltyNotEnabled(model.id);
  return checkThinking(config, model);
}

/** The error the vendor would answer, or undefined when the model may be asked. */
export function checkRequest(request: GenerateRequest, model: Model, promptTokens: number): VendorError | undefined {
  const refused = checkContents(request) ?? checkConfig(request.generationConfig ?? {}, model);
  if (refused) return refused;
  if (request.cachedContent !== undefined) {
    return { code: 403, status: "PERMISSION_DENIED", message: "CachedContent not found (or permission denied)" };
  }
  if (!model.prefill && request.contents.at(-1)?.role === "model") return endsWithModel();
  if (promptTokens > inputTokenLimit) return tooLong(promptTokens, inputTokenLimit);
  return undefined;
}
