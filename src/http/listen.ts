// A port for the app: Bun's own server where Bun runs it, `@hono/node-server` elsewhere. The one place that asks which.

import type { AddressInfo } from "node:net";
import type { App } from "./app.ts";

export interface Listener {
  port: number;
  /** `force`: cut what is open; otherwise wait until it is over. */
  stop(force: boolean): Promise<void>;
}

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** Resolves when connections are taken. Throws the system's error (EADDRINUSE, EACCES, ...) when they cannot be. */
export function listen(app: App, options: ListenOptions): Promise<Listener> {
  const host = options.host.replace(/^\[|\]$/g, "");
  return typeof Bun === "undefined" ? listenOnNode(app, { ...options, host }) : listenOnBun(app, { ...options, host });
}

async function listenOnBun(app: App, { host, port }: ListenOptions): Promise<Listener> {
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: 0, // a turn may think in silence for minutes; streams keep their own time
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app counts, and answers with a problem document
    fetch: (request) => app.fetch(request),
  });
  return { port: server.port ?? port, stop: (force) => server.stop(force) };
}

async function listenOnNode(app: App, { host, port }: ListenOptions): Promise<Listener> {
  const { createAdaptorServer } = await import("@hono/node-server");
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request) });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: (force) =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeIdleConnections" in server) {
          if (force) server.closeAllConnections();
          else server.closeIdleConnections();
        }
      }),
  };
}
