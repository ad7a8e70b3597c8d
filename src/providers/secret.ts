// A vendor may quote our key in what it says; nothing it says leaves an adapter with the key in it.

import { ProviderError } from "../provider.ts";

/** Characters. A shorter one is no secret, and would be found in any word. */
const shortestSecret = 8;

/** The text without the secret, as it is and as an address would have it. */
export function hideSecret(text: string, secret: string): string {
  if (secret.length < shortestSecret) return text;
  return text.replaceAll(secret, "***").replaceAll(encodeURIComponent(secret), "***");
}

/** The error without the secret: itself, or another in its place where it (or a cause of it) had the secret and is not ours to change. */
export function hideInError(error: unknown, secret: string): unknown {
  if (typeof error === "string") return hideSecret(error, secret);
  if (!(error instanceof Error)) return error;
  const message = hideSecret(error.message, secret);
  const stack = hideSecret(error.stack ?? "", secret);
  const cause = hideInError(error.cause, secret);
  if (message === error.message && stack === (error.stack ?? "") && cause === error.cause) return error;
  if (error instanceof ProviderError) return Object.assign(error, { message, stack, cause });
  const clean = new Error(message, { cause });
  clean.name = error.name;
  clean.stack = stack;
  return clean;
}
