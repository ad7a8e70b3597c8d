// Calls by the runtime's own `fetch`, which knows proxies: used where there is one on the way, or the operator wants it so.

import { codeOf, type HttpCall, type Post } from "./call.ts";

/** Error codes of both runtimes that mean: no connection, so nothing was sent. */
const neverSent =
  /^(ConnectionRefused|FailedToOpenSocket|ECONNREFUSED|ENOTFOUND|EAI_\w+|DNS\w*|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS\w*|ERR_SSL\w*|\w*CERT\w*|UNABLE_TO_\w+)$/;

export function postByFetch(baseUrl: string, headers: Record<string, string>): Post {
  return (path, body) => new FetchCall(baseUrl + path, headers, body);
}

class FetchCall implements HttpCall {
  sent = true;
  #response: Response | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #asked: Promise<Response>;
  readonly #abort = new AbortController();

  constructor(url: string, headers: Record<string, string>, body: string) {
    const init: RequestInit & { timeout: false } = {
      method: "POST",
      headers,
      body,
      signal: this.#abort.signal,
      redirect: "manual",
      credentials: "omit",
      // Bun ends a silent connection after five minutes unless told not to; others ignore the member
      // (https://bun.sh/reference/globals/BunFetchRequestInit/timeout, read 2026-11-23). Our own deadlines decide; Node's own limit stays at five minutes.
      timeout: false,
    };
    this.#asked = fetch(url, init);
  }

  get status(): number {
    return this.#response?.status ?? 0;
  }

  header(name: string): string {
    return this.#response?.headers.get(name)?.toLowerCase() ?? "";
  }

  async open(): Promise<void> {
    try {
      this.#response = await this.#asked;
      this.#reader = this.#response.body?.getReader();
    } catch (error) {
      this.sent = !neverSent.test(codeOf(error));
      throw error;
    }
  }

  async read(): Promise<Uint8Array | null> {
    const { done, value } = (await this.#reader?.read()) ?? { done: true, value: undefined };
    return done ? null : value;
  }

  cancel(): void {
    this.#reader?.cancel().catch(ignore);
    this.#abort.abort();
  }
}

function ignore(): void {}
