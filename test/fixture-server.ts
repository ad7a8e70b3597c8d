// A plain HTTP server for adapter tests: answers with exactly the bytes it is given and counts what it saw.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** One network write each. */
  chunks?: (string | Uint8Array)[];
  /** After the last chunk: end well, cut the connection, say nothing more; or never answer at all. */
  end?: "normal" | "cut" | "hang" | "silent";
  /** Waited for between the last chunk and the end. */
  gate?: Promise<unknown>;
}

export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
  /** Settles when the answer's connection is closed; true when the client left before the answer's end. */
  left: Promise<boolean>;
}

export interface FixtureServer {
  url: string;
  requests: SeenRequest[];
  /** Chooses the reply of each request, in order of arrival (from 0). */
  reply: (request: SeenRequest, index: number) => Reply;
  close(): Promise<void>;
}

export const sseHeaders = { "content-type": "text/event-stream" };
export const jsonHeaders = { "content-type": "application/json; charset=UTF-8" };

export async function startFixtureServer(): Promise<FixtureServer> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const { promise: left, resolve } = Promise.withResolvers<boolean>();
      response.on("close", () => resolve(!response.writableFinished));
      const { method = "", url = "", headers } = request;
      const seen: SeenRequest = { method, url, headers, body: Buffer.concat(pieces).toString(), left };
      fixture.requests.push(seen);
      void send(response, fixture.reply(seen, fixture.requests.length - 1));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fixture: FixtureServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    reply: () => ({ status: 500 }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fixture;
}

async function send(response: ServerResponse, reply: Reply): Promise<void> {
  if (reply.end === "silent") return;
  response.socket?.setNoDelay(true);
  response.writeHead(reply.status ?? 200, reply.headers ?? sseHeaders);
  response.flushHeaders();
  for (const chunk of reply.chunks ?? []) {
    response.write(chunk);
    await new Promise((resolve) => setImmediate(resolve)); // lets each write leave on its own
  }
  await reply.gate;
  if (reply.end === "cut") response.socket?.destroy();
  else if (reply.end !== "hang") response.end();
}
