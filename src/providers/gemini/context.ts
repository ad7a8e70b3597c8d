// What every call to Gemini is given, and the two errors that are ours alone.

import type { ModelInfo } from "../../model/model-info.ts";
import { ProviderError } from "../../provider.ts";
import type { Deadlines, Expired } from "../call-clock.ts";
import type { Post } from "../http/exchange.ts";
import type { ProxySettings } from "../http/proxy.ts";
import type { RetryPolicy } from "../retry.ts";

/** Settings with every default filled in. */
export interface GeminiContext {
  apiKey: string;
  baseUrl: string;
  deadlines: Deadlines;
  retry: RetryPolicy;
  findModel: (model: string) => ModelInfo | undefined;
  random: () => number;
  now: () => number;
  proxies: ProxySettings;
  /** Takes the key out of a text. */
  hide: (text: string) => string;
  post?: Post;
}

/** A key that cannot be put into a header is refused here, before any request. Throws provider_refused_key. */
export function checkKey(apiKey: string): string {
  if (/^[\x21-\x7e]+$/.test(apiKey)) return apiKey;
  throw new ProviderError(
    "provider_refused_key",
    "This server has no usable key for the model provider. Set GEMINI_API_KEY.",
  );
}

/** The error for a call that one of our own deadlines ended. */
export function timeoutError(expired: Expired, cause: unknown): ProviderError {
  const why = {
    "first-byte": "The provider did not begin to answer in time.",
    idle: "The provider stopped in the middle of its answer.",
    total: "The provider's answer took longer than this server waits.",
  };
  return new ProviderError("provider_timeout", why[expired], { cause });
}
