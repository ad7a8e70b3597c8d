// How an answer ended, in the vendor's words and in ours (https://ai.google.dev/api/generate-content#FinishReason, read 2026-11-23,
// and words seen in recordings since). The vendor's list is open: an unknown word is kept as it is, in small letters.

/** "The filter stopped it", of the question or of the answer. */
const blockWords = new Set(
  (
    "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION " +
    "MODEL_ARMOR JAILBREAK"
  ).split(" "),
);

/** The account is limited: the operator's matter, and nothing that the question could change. */
export const accountWord = "PUP_LIMITED_DISABLED";

/** In characters: no word of the vendor's is longer, nor any sentence that says more. */
const longestWord = 100;
const longestDetail = 1_000;

export interface Finish {
  reason: string;
  /** What the reason alone does not say. */
  detail: string | null;
}

/** A candidate's finish. Undefined where it says none. */
export function readFinish(reason: unknown, message: unknown): Finish | undefined {
  if (!reason || reason === "FINISH_REASON_UNSPECIFIED") return undefined;
  const word = String(reason).slice(0, longestWord);
  if (blockWords.has(word)) return { reason: "blocked", detail: join(word, message) };
  return { reason: word.toLowerCase(), detail: join("", message) };
}

/** The finish of a question that was not answered at all. */
export function readBlock(reason: unknown, message: unknown): Finish {
  return { reason: "blocked", detail: join(String(reason ?? "").slice(0, longestWord), message) };
}

function join(word: string, message: unknown): string | null {
  const words = [word, typeof message === "string" ? message : ""].filter((text) => text !== "");
  return words.length === 0 ? null : words.join(": ").slice(0, longestDetail);
}
