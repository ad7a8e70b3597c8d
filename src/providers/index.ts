// The list of model vendors this server can talk to. A new one is an adapter, its usage function and one line here.

import type { Provider } from "../provider.ts";
import { createGemini, type GeminiSettings } from "./gemini/gemini.ts";
import { geminiModels } from "./gemini/models.ts";
import { geminiPrices } from "./gemini/prices.ts";

const adapters = {
  gemini: createGemini,
};

/** Every model we can describe, and every price we know, of all vendors. */
export const models = [...geminiModels];
export const prices = [...geminiPrices];

export type VendorName = keyof typeof adapters;
export type ProviderSettings = { vendor?: VendorName } & GeminiSettings;

/** The adapter for a vendor (the first one unless named), with its settings. Makes no request. */
export function createProvider(settings: ProviderSettings): Provider {
  return adapters[settings.vendor ?? "gemini"](settings);
}
