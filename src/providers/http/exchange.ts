// A POST and its answer as it comes.

export interface HttpExchange {
  /** Whether any of the request may have left this machine. */
  readonly sent: boolean;
  /** 0 until the exchange is open. */
  readonly status: number;
  /** In lower case; "" where it did not come. */
  header(name: string): string;
  /** Resolves when status and headers are there. Throws what broke the connection. */
  open(): Promise<void>;
  /** The body's next bytes, at once where they have come; null at its end. Throws what broke the connection, after what came before. */
  read(): Promise<Uint8Array | null> | Uint8Array | null;
  /** The answer is whole, and all of its body has been read: the next read gives null. */
  readonly isOver: boolean;
  /** Nobody will read on: the connection is closed unless all of the answer has come. */
  cancel(): void;
}

/** Sends a body to a path of one vendor's address. Never throws. */
export type Post = (path: string, body: RequestBody) => HttpExchange;

/** Texts and bytes that are sent one behind the other. */
export type RequestBody = readonly (string | Uint8Array)[];

/** The system's or the runtime's name of what went wrong; "" where it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return codeOf(error.cause);
}
