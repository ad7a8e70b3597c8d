// An answer as the app gives it: plain data, which costs less to make and to send than a standard `Response`.

export interface HttpAnswer {
  status: number;
  /** Names in small letters. Without lengths: whoever sends it knows them. */
  headers: Record<string, string>;
  /** What is at hand leaves in one piece; a stream is asked for more as its reader takes it. */
  body: string | Uint8Array | ReadableStream<Uint8Array> | null;
}

/** The reason with which a stream is given up because its reader does not read. */
export const dropped = "dropped";
