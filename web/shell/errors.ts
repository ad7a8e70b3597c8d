// Failures as the reader is told of them.

import { ApiError } from "../api/api.ts";
import { text } from "./state.ts";

/** What went wrong in the reader's language, else in the server's own words. */
export function describe(error: ApiError): string {
  const errors: Readonly<Record<string, string | undefined>> = text.value.errors;
  return errors[error.code] ?? (error.message || text.value.errors.internal);
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, "internal", error instanceof Error ? error.message : "");
}
