// An answer as the app gives it: plain data, which costs less to make and to send than a standard `Response`.

export interface HttpAnswer {
  status: number;
  /** Names in small letters. Without lengths: whoever sends it knows them. */
  headers: Readonly<Record<string, string>>;
  /** What else the head says, as it goes out: each line with its end. */
  lines?: string;
  /** What is at hand leaves in one piece. */
  body: string | Uint8Array | Pieces | null;
}

/** A body that is written as its reader takes it: each piece is asked for when the one before has been taken. */
export interface Pieces {
  /** The next piece, or the last one where it is `done`. Rejects where the line is to be cut: what has arrived is then not taken for the whole. */
  next(): Promise<Piece>;
  /** Nobody takes the rest. `why`: `dropped`, or nothing where the reader has gone. */
  leave(why?: string): void;
}

export type Piece = IteratorResult<string, string>;

/** The reason with which a stream is given up because its reader does not read. */
export const dropped = "dropped";

export function isInPieces(body: HttpAnswer["body"]): body is Pieces {
  return typeof body === "object" && body !== null && "leave" in body;
}

/** Texts as a body, one that is known already in front of them. What fails is noted for the log and cuts the line. */
export function inPieces(
  exchange: { logUnforeseen(cause: unknown): void },
  texts: AsyncIterator<string, void>,
  first = "",
): Pieces {
  let front = first;
  return {
    async next() {
      try {
        if (front === "") {
          const { done, value } = await texts.next();
          return done ? { done, value: "" } : { done: false, value };
        }
        const value = front;
        front = "";
        return { done: false, value };
      } catch (cause) {
        exchange.logUnforeseen(cause);
        throw cause;
      }
    },
    leave() {
      texts.return?.().catch((cause) => exchange.logUnforeseen(cause));
    },
  };
}
