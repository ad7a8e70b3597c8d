// Reads a generateContent body as the vendor's JSON parser does: known names only, either spelling, types checked.

export interface Part {
  text?: string;
  thought?: boolean;
  thoughtSignature?: string;
  inlineData?: unknown;
  fileData?: unknown;
  functionCall?: unknown;
  functionResponse?: unknown;
  executableCode?: unknown;
  codeExecutionResult?: unknown;
}

export interface Content {
  role?: string;
  parts: Part[];
}

export interface ThinkingConfig {
  includeThoughts?: boolean;
  thinkingBudget?: number;
  thinkingLevel?: string;
}

export interface GenerationConfig {
  temperature?: number;
  topP?: number;
  topK?: number;
  candidateCount?: number;
  maxOutputTokens?: number;
  stopSequences?: string[];
  presencePenalty?: number;
  frequencyPenalty?: number;
  responseMimeType?: string;
  responseSchema?: unknown;
  responseJsonSchema?: unknown;
  thinkingConfig?: ThinkingConfig;
}

export interface GenerateRequest {
  model?: string;
  contents: Content[];
  systemInstruction?: Content;
  generationConfig?: GenerationConfig;
  tools?: unknown[];
  cachedContent?: string;
}

/** What the vendor answers to a body it cannot read: one description per field, all in one message. */
export class PayloadError extends Error {
  readonly violations: { field?: string; description: string }[];

  constructor(violations: { field?: string; description: string }[]) {
    super(violations.map((one) => one.description).join("\n"));
    this.violations = violations;
  }
}

type Kind = "string" | "number" | "integer" | "boolean" | "any" | { object: Shape } | { list: Kind };
interface Shape {
  [name: string]: Kind;
}

const part: Shape = {
  text: "string",
  thought: "boolean",
  thoughtSignature: "string",
  inlineData: "any",
  fileData: "any",
  functionCall: "any",
  functionResponse: "any",
  executableCode: "any",
  codeExecutionResult: "any",
  videoMetadata: "any",
  mediaResolution: "any",
};
const content: Shape = { role: "string", parts: { list: { object: part } } };
const thinkingConfig: Shape = { includeThoughts: "boolean", thinkingBudget: "integer", thinkingLevel: "string" };
const generationConfig: Shape = {
  temperature: "number",
  topP: "number",
  topK: "number",
  candidateCount: "integer",
  maxOutputTokens: "integer",
  stopSequences: { list: "string" },
  seed: "integer",
  presencePenalty: "number",
  frequencyPenalty: "number",
  responseLogprobs: "boolean",
  logprobs: "integer",
  responseMimeType: "string",
  responseSchema: "any",
  responseJsonSchema: "any",
  responseModalities: { list: "string" },
  mediaResolution: "string",
  speechConfig: "any",
  imageConfig: "any",
  thinkingConfig: { object: thinkingConfig },
};
const generateRequest: Shape = {
  model: "string",
  contents: { list: { object: content } },
  systemInstruction: { object: content },
  generationConfig: { object: generationConfig },
  tools: { list: "any" },
  toolConfig: "any",
  safetySettings: { list: "any" },
  cachedContent: "string",
  serviceTier: "string",
  store: "boolean",
  labels: "any",
  continuationToken: "string",
};
const countRequest: Shape = {
  model: "string",
  contents: generateRequest.contents!,
  generateContentRequest: { object: generateRequest },
};

const typeNames: Record<string, string> = {
  string: "TYPE_STRING",
  number: "TYPE_FLOAT",
  integer: "TYPE_INT32",
  boolean: "TYPE_BOOL",
};

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Copies what is known, under its camel-case name, and lists everything that is not. */
class Reader {
  readonly violations: { field?: string; description: string }[] = [];

  read(kind: Kind, value: unknown, path: string): unknown {
    if (kind === "any") return value;
    if (typeof kind === "string") return this.#readScalar(kind, value, path);
    if ("list" in kind) {
      const items = Array.isArray(value) ? value : [value];
      return items.map((item, index) => this.read(kind.list, item, `${path}[${index}]`));
    }
    return this.#readObject(kind.object, value, path);
  }

  #readScalar(kind: string, value: unknown, path: string): unknown {
    const number = typeof value === "number" && (kind === "number" || Number.isInteger(value));
    const ok = kind === "number" || kind === "integer" ? number : typeof value === kind;
    if (!ok) this.#add(path, `Invalid value at '${path}' (${typeNames[kind]}), ${JSON.stringify(value)}`);
    return value;
  }

  #readObject(shape: Shape, value: unknown, path: string): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#add(path, `Invalid value at '${path}', ${JSON.stringify(value)}`);
      return copy;
    }
    for (const [given, member] of Object.entries(value)) {
      const name = camelCase(given);
      const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (kind === undefined) {
        const where = path === "" ? "" : ` at '${path}'`;
        this.#add(path, `Invalid JSON payload received. Unknown name "${given}"${where}: Cannot find field.`);
      } else if (member !== null) {
        copy[name] = this.read(kind, member, path === "" ? snakeCase(name) : `${path}.${snakeCase(name)}`);
      }
    }
    return copy;
  }

  #add(path: string, description: string): void {
    this.violations.push(path === "" ? { description } : { field: path, description });
  }
}

function readShape(shape: Shape, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw new PayloadError([{ description: "Invalid JSON payload received. Unexpected token.\n" }]);
  }
  const reader = new Reader();
  const copy = reader.read({ object: shape }, value, "") as Record<string, unknown>;
  if (reader.violations.length > 0) throw new PayloadError(reader.violations);
  return copy;
}

function withParts(request: Record<string, unknown>): GenerateRequest {
  const contents = (request.contents ?? []) as Content[];
  for (const each of contents) each.parts ??= [];
  const system = request.systemInstruction as Content | undefined;
  if (system) system.parts ??= [];
  return { ...request, contents };
}

/** Throws PayloadError. Absent lists come back empty, so that the rules can be checked. */
export function readGenerateRequest(text: string): GenerateRequest {
  return withParts(readShape(generateRequest, text));
}

/** A countTokens body: either contents alone, or a whole generate request. Throws PayloadError. */
export function readCountRequest(text: string): GenerateRequest {
  const request = readShape(countRequest, text);
  const whole = request.generateContentRequest;
  return withParts(typeof whole === "object" && whole !== null ? { ...whole } : request);
}

/** The visible text of a message: thoughts left out. */
export function textOf(content: Content | undefined): string {
  let text = "";
  for (const part of content?.parts ?? []) if (part.text !== undefined && !part.thought) text += part.text;
  return text;
}

/** The text of the newest user message: all that an answer depends on, besides what it says about the conversation. */
export function lastUserText(request: GenerateRequest): string {
  return textOf(request.contents.findLast((content) => content.role !== "model"));
}
