// Servers that write raw bytes and break off, over TCP and TLS; and an exchange with them in a process of its own.

import { expect } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import type { HttpExchange } from "../src/providers/http/exchange.ts";

/** Every connection so far, and every request that came whole, as bytes in latin1. */
export interface RawServer {
  port: number;
  url: string;
  sockets: Socket[];
  requests: string[];
}
/** Called when a request has come whole; `nth` counts from 1 over all connections. */
export type Answer = (socket: Socket, nth: number) => void;

const started: Server[] = [];
const opened: Socket[] = [];

/** For `afterEach`: cuts every connection and closes every server. */
export function closeRaw(): void {
  for (const socket of opened.splice(0)) socket.destroy();
  for (const server of started.splice(0)) server.close();
}

/** Takes whatever comes on the socket apart into whole requests. */
function readRequests(socket: Socket, onRequest: (request: string) => void): void {
  let pieces: Buffer[] = [];
  let size = 0;
  let wanted = 0;
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    pieces.push(bytes);
    size += bytes.length;
    if (wanted === 0) {
      const text = Buffer.concat(pieces).toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      if (head !== -1) wanted = head + 4 + Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text)![1]);
    }
    if (wanted === 0 || size < wanted) return;
    const request = Buffer.concat(pieces).toString("latin1");
    [pieces, size, wanted] = [[], 0, 0];
    onRequest(request);
  });
}

export async function listen(server: Server): Promise<number> {
  started.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

export async function serveRaw(
  answer: Answer,
  onConnection?: (socket: Socket) => void,
  certificate?: { cert: Buffer; key: Buffer },
): Promise<RawServer> {
  const seen: RawServer = { port: 0, url: "", sockets: [], requests: [] };
  const connected = (socket: Socket) => {
    opened.push(socket);
    seen.sockets.push(socket);
    readRequests(socket, (request) => answer(socket, seen.requests.push(request)));
    onConnection?.(socket);
  };
  seen.port = await listen(certificate ? createTlsServer(certificate, connected) : createServer(connected));
  seen.url = `http://127.0.0.1:${seen.port}`;
  return seen;
}

export async function readAll(call: HttpExchange): Promise<string> {
  await call.open();
  const pieces: Uint8Array[] = [];
  for (let bytes = await call.read(); bytes !== null; bytes = await call.read()) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

/** An answer with a length. */
export const withLength = (body: string, ...headers: string[]) =>
  `${["HTTP/1.1 200 OK", ...headers, `Content-Length: ${Buffer.byteLength(body)}`].join("\r\n")}\r\n\r\n${body}`;
export const noProxies = { http: null, https: null, except: null };

export const node = join(import.meta.dirname, "node_modules", "node", "bin", "node");
export const fixture = (name: string) => join(import.meta.dirname, "fixtures", "tls", name);
export const trusting = { NODE_EXTRA_CA_CERTS: fixture("ca.pem") };

/** One call in a process of its own; what it tells when it has ended by itself. */
export async function callInChild(runtime: string, url: string, env: Record<string, string> = {}, times = 1) {
  const child = spawn(runtime, [fixture("call.ts"), url, String(times)], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (bytes) => {
    output += bytes;
  });
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
  return JSON.parse(output) as { text: string; failure: string; sent: boolean };
}

/** Also counts every byte that came by TLS, whole request or not. */
export async function serveTls(name: string) {
  const certificate = { cert: readFileSync(fixture(`${name}.pem`)), key: readFileSync(fixture(`${name}.key`)) };
  const came: Buffer[] = [];
  const onConnection = (socket: Socket) => void socket.on("data", (bytes: Buffer) => came.push(bytes));
  const server = await serveRaw((socket) => socket.write(withLength("over TLS")), onConnection, certificate);
  return { port: server.port, requests: server.requests, size: () => Buffer.concat(came).length };
}
