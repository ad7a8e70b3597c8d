// A soak of readers that never read, on every route that streams or lists: what waits for them stays within the limit, they are cut
// within the deadline, and nothing of them is left, while everybody else is served.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import { eventually, newSession, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const crowd = 16;
const limit = 8_000_000;
const words = "слово ".repeat(100_000); // a megabyte on the line
let server: HttpServer;
let sessionId: string;
let turnId: string;

beforeAll(async () => {
  server = await startHttp({
    settings: {
      MAX_UNREAD_BYTES: String(limit),
      MAX_BODY_BYTES: "4194304",
      MAX_TEXT_CHARS: "1000000",
      IDLE_CONNECTION_MS: "1000",
    },
    times: { readerDeadlineMs: 400 },
    providerMs: 20_000,
  });
  sessionId = (await newSession(server.url, { system: "я".repeat(100_000) })).id;
  server.emulator.always({ text: words, chunks: 40 });
  for (let index = 0; index < 4; index++) turnId = (await say(server.url, sessionId, { content: words })).body.turn.id;
  server.emulator.always({ text: "ok" });
  for (let index = 0; index < 12; index++)
    await newSession(server.url, { system: "я".repeat(100_000), title: `needle ${index}` });
}, 180_000);
afterAll(() => server.stop());

/** A connection that asks, again and again, and takes nothing of any answer. */
function openDeaf(request: string, times: number): net.Socket {
  const socket = net.connect(server.port, "127.0.0.1");
  socket.on("error", () => {}); // being cut off is what should happen
  socket.pause();
  for (let sent = 0; sent < times; sent++) socket.write(request);
  return socket;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const post = (path: string, body: object) => {
  const json = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
};

// Each asks so often that the answers are more than the system's buffers hold, where they are long enough for that.
describe("readers that never read", () => {
  test.each<[what: string, request: () => string, repeat: number]>([
    ["a whole history", () => get(`/sessions/${sessionId}/history`), 6],
    ["a page of a history", () => get(`/sessions/${sessionId}/history?limit=100`), 6],
    ["a list of sessions", () => get("/sessions?limit=100"), 8],
    ["a search", () => get("/sessions?limit=100&q=needle"), 8],
    ["a session", () => get(`/sessions/${sessionId}`), 60],
    ["the events of a turn", () => get(`/turns/${turnId}/events`), 30],
    ["the models", () => get("/models"), 60],
    ["the document", () => get("/openapi.json"), 200],
    ["a script of the docs", () => get("/docs/swagger-ui-bundle.js"), 20],
    [
      "the stream of an answer",
      () => post(`/sessions/${sessionId}/messages`, { content: "hi", stream: true, if_busy: "interrupt" }),
      2,
    ],
  ])(
    "of %s are cut with what waits for them",
    async (_name, request, repeat) => {
      const deaf = Array.from({ length: crowd }, () => openDeaf(request(), repeat));
      let most = 0;
      await eventually(
        async () => {
          most = Math.max(most, server.unreadBytes());
          expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
          return server.connections();
        },
        (open) => open <= 1, // this test's own
        60_000,
      );
      expect(server.unreadBytes()).toBe(0);
      expect(server.app.openStreams).toBe(0);
      // One piece more than the limit: it is known when it has been written.
      expect(most).toBeLessThan(limit + 4_000_000);
      for (const socket of deaf) socket.destroy();
    },
    90_000,
  );
});
