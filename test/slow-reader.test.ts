// Readers that stop reading: the turn and its other readers never wait for them, and what they have missed is there later.

import { describe, expect, test } from "bun:test";
import net from "node:net";
import { createParser } from "eventsource-parser";
import { defaultProject } from "../src/caller/project.ts";
import { lengthOf } from "../src/turn/reader/event-run.ts";
import { collect, eventually, newSession, openEvents, readHistory, readTurn, say, textOf } from "./client.ts";
import { createSqliteFile } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

/** Each character takes six on the line, 12 MB in all: more than the sockets' buffers hold, and less than an answer may have. */
const text = "\u0001".repeat(2_000_000);
const answer = { text, chunks: 300, usage: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } };

interface Stuck {
  socket: net.Socket;
  /** What it has read before it stopped reading. */
  had: Buffer;
}
const enoughBytes = 300_000;

/** A connection that asks for a stream, reads a little of it, and then does not read on. */
function openStuck(server: HttpServer, path: string, body?: object): Stuck {
  const stuck = { socket: net.connect(server.port, "127.0.0.1"), had: Buffer.alloc(0) };
  stuck.socket.on("error", () => {}); // being cut off is what may happen
  stuck.socket.on("data", (bytes: Buffer) => {
    stuck.had = Buffer.concat([stuck.had, bytes]);
    if (stuck.had.length > enoughBytes) stuck.socket.pause();
  });
  const json = body === undefined ? "" : JSON.stringify(body);
  const head = [`${body ? "POST" : "GET"} ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json"];
  stuck.socket.write(`${head.join("\r\n")}\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`);
  return stuck;
}

async function startStuckTurn(server: HttpServer): Promise<{ sessionId: string; turnId: string; asker: Stuck }> {
  server.emulator.play(answer);
  const { id: sessionId } = await newSession(server.url);
  const asker = openStuck(server, `/sessions/${sessionId}/messages`, { content: "hi", stream: true });
  const turnId = await eventually(
    async () => (await readHistory(server.url, sessionId)).data[1]?.turn_id,
    (id) => id !== undefined,
  );
  return { sessionId, turnId: turnId!, asker };
}

/** The text of all whole events that a reader has, and the number of the last one. */
function parseWhole(had: Buffer): { number: number; text: string } {
  const seen = { number: 0, text: "" };
  const parser = createParser({
    onEvent: ({ id, data }) => {
      seen.number = Number(id);
      seen.text += JSON.parse(data).text ?? "";
    },
  });
  parser.feed(readChunked(had));
  return seen;
}

/** What has arrived of the body of a chunked HTTP answer. */
function readChunked(answer: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = answer.indexOf("\r\n\r\n") + 4; ; ) {
    const line = answer.indexOf("\r\n", at);
    const size = Number.parseInt(answer.toString("latin1", at, line), 16);
    if (line === -1 || !(size > 0)) return Buffer.concat(pieces).toString();
    pieces.push(answer.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

describe("readers that do not read", () => {
  test("hold up neither the turn nor a reader beside them, even while nobody has dropped them yet", async () => {
    const server = await startHttp({ times: { readerDeadlineMs: 60_000 }, providerMs: 20_000 });
    const stuck: Stuck[] = [];
    try {
      const { sessionId, turnId, asker } = await startStuckTurn(server);
      stuck.push(asker, ...Array.from({ length: 4 }, () => openStuck(server, `/turns/${turnId}/events`)));
      const beside = await collect(await openEvents(server.url, turnId));
      expect(beside.at(-1)?.data.turn?.status).toBe("complete");
      expect(textOf(beside)).toBe(text);
      expect(server.logged.filter(({ fields }) => fields.ended === "dropped")).toEqual([]);
      expect(server.app.openStreams).toBe(5); // all of them are still there, and still have not read
      expect((await say(server.url, sessionId, { content: "go on" })).status).toBe(201);
    } finally {
      for (const { socket } of stuck) socket.destroy();
      await server.stop();
    }
  }, 180_000);

  test("are handed a long answer in pieces, live and afterwards: nobody holds all of it for them", async () => {
    const server = await startHttp({ providerMs: 20_000 });
    try {
      const { turnId, asker } = await startStuckTurn(server);
      asker.socket.resume().on("data", () => asker.socket.resume());
      for (const _ of ["live", "stored"]) {
        let seen = 0;
        for await (const { events } of (await server.turns.follow(defaultProject, turnId)).read(0)) {
          const lengths = events.map(lengthOf);
          const characters = lengths.reduce((sum, length) => sum + length, 0);
          expect(characters).toBeLessThan(65_536 + Math.max(...lengths));
          seen += characters;
        }
        expect(seen).toBe(text.length);
      }
    } finally {
      await server.stop();
    }
  }, 180_000);

  test("are dropped also when they have not read the first events", async () => {
    const server = await startHttp({ times: { readerDeadlineMs: 300 }, providerMs: 20_000 });
    server.emulator.play({ ...answer, chunks: 1 });
    const { id } = await newSession(server.url);
    const { socket } = openStuck(server, `/sessions/${id}/messages`, { content: "hi", stream: true });
    socket.pause();
    try {
      await eventually(
        async () => server.logged.map(({ fields }) => fields.ended).filter((ended) => ended !== undefined),
        (ended) => ended.length > 0 && ended[0] === "dropped",
      );
      expect(server.app.openStreams).toBe(0);
    } finally {
      socket.destroy();
      await server.stop();
    }
  }, 180_000);

  test("are dropped after their deadline, and go on from what they have", async () => {
    const databaseUrl = await createSqliteFile();
    let server = await startHttp({ databaseUrl, times: { readerDeadlineMs: 300 }, providerMs: 20_000 });
    try {
      const { turnId, asker } = await startStuckTurn(server);
      const follower = openStuck(server, `/turns/${turnId}/events`);
      await eventually(
        async () => server.logged.filter(({ fields }) => fields.ended === "dropped").length,
        (dropped) => dropped === 2,
      );
      expect(server.app.openStreams).toBe(0);
      for (const { socket } of [asker, follower]) socket.destroy();
      await eventually(
        () => readTurn(server.url, turnId),
        ({ status }) => status === "complete",
      );
      // Whoever reads is not to be dropped because the machine is busy.
      await server.stop();
      server = await startHttp({ databaseUrl, times: { readerDeadlineMs: 60_000 } });
      for (const { had: bytes } of [asker, follower]) {
        const had = parseWhole(bytes);
        expect(had.number).toBeGreaterThan(1);
        expect(had.text.length).toBeLessThan(text.length);
        const rest = await collect(await openEvents(server.url, turnId, had.number));
        expect(rest[0]?.number).toBe(had.number + 1);
        expect(had.text + textOf(rest)).toBe(text);
        expect(rest.at(-1)?.data.turn?.status).toBe("complete");
      }
    } finally {
      await server.stop();
    }
  }, 180_000);
});
