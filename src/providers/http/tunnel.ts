// A way through a proxy to where TLS is spoken: CONNECT, asked by Node's own client (RFC 9110 9.3.6, read 2026-11-27).

import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import type { ProxyAddress } from "./proxy.ts";

export interface TunnelOwner {
  /** The way is open: what is written now goes to the host. */
  onOpen(socket: Socket): void;
  /** The proxy cannot be reached, or does not open the way. */
  onRefused(error: Error): void;
}

/** Asks for the way; the owner hears once, later. Returns what gives it up, after which the owner hears nothing. */
export function openTunnel(proxy: ProxyAddress, host: string, port: number, owner: TunnelOwner): () => void {
  let isOver = false;
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const credentials = proxy.authorization === null ? {} : { "proxy-authorization": proxy.authorization };
  const asked = request({
    host: proxy.host,
    port: proxy.port,
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...credentials },
    agent: false,
  });
  const refuse = (error: Error) => {
    if (isOver) return;
    isOver = true;
    asked.destroy();
    owner.onRefused(error);
  };
  const judge = (answer: IncomingMessage, socket: Socket, early?: Uint8Array) => {
    const status = answer.statusCode ?? 0;
    if (isOver || status < 200 || status > 299 || (early !== undefined && early.length > 0)) {
      socket.destroy();
      refuse(new TunnelError(`the proxy answered ${status} to CONNECT`));
      return;
    }
    isOver = true;
    owner.onOpen(socket);
  };
  asked.on("connect", judge);
  asked.on("response", (answer) => judge(answer, answer.socket));
  asked.on("error", refuse);
  asked.on("close", () => refuse(new TunnelError("the proxy closed the connection")));
  asked.end();
  return () => {
    isOver = true;
    asked.destroy();
  };
}

class TunnelError extends Error {
  readonly code = "ERR_PROXY_TUNNEL";
}
