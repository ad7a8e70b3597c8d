// The models the emulator knows: limits and what each accepts, as data (vendor's pages and live reports read 2026-11).

export interface Model {
  id: string;
  displayName: string;
  /** The model that really answers, where the vendor has moved the name on. */
  servedAs?: string;
  /** The day (UTC) from which another model answers under this name, by its own rules. */
  retires?: { on: string; successor: string };
  /** Accepted thinkingBudget values; null: any budget is refused. */
  budget: { min: number; max: number; canBeOff: boolean } | null;
  /** Accepted thinkingLevel values; empty: levels are refused. */
  levels: readonly string[];
  penalties: boolean;
  /** Whether a request may end with a model turn. Measured live 2026-07: 3.5-flash-lite and 3.6-flash refuse, older ones continue it. */
  prefill: boolean;
  /** The smallest prompt prefix that is cached, in tokens. */
  cacheMinimum: number;
}

export const inputTokenLimit = 1_048_576;
export const outputTokenLimit = 65_536;

const allLevels = ["minimal", "low", "medium", "high"];
const noMinimal = ["low", "medium", "high"];
const older = { levels: [], penalties: true, prefill: true, cacheMinimum: 2_048 };
const newer = {
  budget: { min: 1, max: 24_576, canBeOff: true },
  levels: allLevels,
  penalties: false,
  prefill: false,
  cacheMinimum: 4_096,
};
const fourth = { ...newer, budget: null, levels: ["low", "medium", "high", "xhigh"] };

const list: readonly Model[] = [
  {
    id: "gemini-2.5-flash",
    displayName: "Gemini 2.5 Flash",
    budget: { min: 1, max: 24_576, canBeOff: true },
    ...older,
    retires: { on: "2026-12-01", successor: "gemini-3.5-flash-lite" },
  },
  {
    id: "gemini-2.5-flash-lite",
    displayName: "Gemini 2.5 Flash-Lite",
    budget: { min: 512, max: 24_576, canBeOff: true },
    ...older,
  },
  {
    id: "gemini-2.5-pro",
    displayName: "Gemini 2.5 Pro",
    budget: { min: 128, max: 32_768, canBeOff: false },
    ...older,
    retires: { on: "2026-12-01", successor: "gemini-3.8-flash" },
  },
  { id: "gemini-3-flash-preview", displayName: "Gemini 3 Flash Preview", ...newer, prefill: true },
  { id: "gemini-3.1-flash-lite", displayName: "Gemini 3.1 Flash-Lite", ...newer, prefill: true },
  { id: "gemini-3.1-pro-preview", displayName: "Gemini 3.1 Pro Preview", ...newer, levels: noMinimal, prefill: true },
  // A budget of 0 was refused live on 2026-08-19; its documentation has levels only.
  { id: "gemini-3.5-flash-lite", displayName: "Gemini 3.5 Flash-Lite", ...newer, budget: null },
  { id: "gemini-3.5-flash", displayName: "Gemini 3.5 Flash", servedAs: "gemini-3.6-flash", ...newer },
  { id: "gemini-3.6-flash", displayName: "Gemini 3.6 Flash", ...newer },
  { id: "gemini-3.7-flash", displayName: "Gemini 3.7 Flash", ...newer, levels: noMinimal },
  { id: "gemini-3.8-flash", displayName: "Gemini 3.8 Flash", ...newer, levels: noMinimal },
  { id: "gemini-4-hydrogen", displayName: "Gemini 4 Hydrogen", ...fourth },
  { id: "gemini-4-argon", displayName: "Gemini 4 Argon", ...fourth },
  { id: "gemini-4-carbon", displayName: "Gemini 4 Carbon", ...fourth },
  { id: "gemini-4-neon", displayName: "Gemini 4 Neon", ...fourth },
];

const byId = new Map(list.map((model) => [model.id, model]));

/** The model that a name stands for at a moment (ms since 1970), as it is served then. */
export function findModel(id: string, atMs: number): Model | undefined {
  const model = byId.get(id);
  if (!model?.retires || atMs < Date.parse(model.retires.on)) return model;
  const { successor } = model.retires;
  return { ...byId.get(successor)!, id, displayName: model.displayName, servedAs: successor };
}

/** A model as the models endpoint shows it. */
export function describeModel(model: Model): Record<string, unknown> {
  return {
    name: `models/${model.id}`,
    version: "001",
    displayName: model.displayName,
    description: `${model.displayName}, as the emulator plays it: no AI is answering`,
    inputTokenLimit,
    outputTokenLimit,
    supportedGenerationMethods: ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"],
    temperature: 1,
    topP: 0.95,
    topK: 64,
    maxTemperature: 2,
    thinking: true,
  };
}

/** One page of the list; undefined when the token is not one of ours. `pageSize` defaults to 50 and is capped at 1000. */
export function pageModels(pageSize: number, pageToken: string | null): Record<string, unknown> | undefined {
  const start = pageToken
    ? Number(
        Buffer.from(pageToken, "base64url")
          .toString()
          .replace(/^after:/, ""),
      )
    : 0;
  if (!Number.isInteger(start) || start < 0 || start >= list.length) return undefined;
  const end = start + Math.min(pageSize || 50, 1000);
  const page: Record<string, unknown> = { models: list.slice(start, end).map(describeModel) };
  if (end < list.length) page.nextPageToken = Buffer.from(`after:${end}`).toString("base64url");
  return page;
}
