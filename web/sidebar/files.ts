// Conversations as files: taken along as JSON or Markdown, brought back from JSON.

import { api } from "../api/api.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { goTo, showToast, text } from "../shell/state.ts";
import { noteSession, tellOtherTabs } from "./sessions.ts";

/** Saves a conversation as a file under the name that the server gives it. */
export async function saveSession(id: string, format: "json" | "markdown"): Promise<void> {
  try {
    const response = await api.exportSession(id, format);
    save(await response.blob(), nameOf(response) ?? `${id}.${format === "json" ? "json" : "md"}`);
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

/** Brings a conversation back from a file that was saved as JSON, and opens it. */
export async function openFile(file: File): Promise<void> {
  const exported = await file
    .text()
    .then(
      (words): unknown => JSON.parse(words),
      () => null,
    )
    .catch(() => null);
  if (exported === null) return showToast(text.value.notAFile);
  try {
    // One that is here already comes as another one beside it.
    const session = await api.importSession(exported, false).catch((error: unknown) => {
      if (asApiError(error).code === "conflict") return api.importSession(exported, true);
      throw error;
    });
    noteSession(session);
    tellOtherTabs(session.id);
    goTo(session.id);
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

export function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The name in `Content-Disposition`: in any script where it is given (RFC 8187). */
function nameOf(response: Response): string | null {
  const header = response.headers.get("content-disposition") ?? "";
  const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(header) ?? [];
  if (encoded) return decodeURIComponent(encoded);
  return /filename="([^"]+)"/i.exec(header)?.[1] ?? null;
}
