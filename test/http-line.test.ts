// HTTP/1.1 as it comes over a socket: what is odd and allowed is answered whole, what could be understood in two ways is refused.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import { eventually, newSession, openStream, readHistory } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.stop());

interface Line {
  socket: net.Socket;
  /** All that has come back. */
  got: string;
  isClosed: boolean;
}

function open(port = server.port): Line {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const line = { socket, got: "", isClosed: false };
  socket.on("error", () => {}); // being cut off is an answer too
  socket.on("data", (bytes) => {
    line.got += bytes.toString("latin1");
  });
  socket.on("end", () => socket.end());
  socket.on("close", () => {
    line.isClosed = true;
  });
  return line;
}
const statuses = ({ got }: Line) => [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
/** Sends the pieces, each when the one before has had time to arrive, and waits for so many answers. */
async function send(pieces: string[], answers: number, port = server.port): Promise<Line> {
  const line = open(port);
  for (const piece of pieces) {
    line.socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await eventually(
    async () => line,
    (now) => now.isClosed || statuses(now).length >= answers,
  );
  return line;
}
const post = (path: string, body: object, headers = "") => {
  const json = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
};
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

describe("what is allowed on the line is answered whole", () => {
  test("HTTP/1.0 with and without Host: health answers, and the connection closes", async () => {
    for (const head of [
      "GET /healthz HTTP/1.0\r\n\r\n",
      "OPTIONS /healthz HTTP/1.0\r\n\r\n",
      "HEAD /readyz HTTP/1.0\r\n\r\n",
    ]) {
      const line = await send([head], 2);
      expect([head, statuses(line)[0]! < 300, line.isClosed]).toEqual([head, true, true]);
    }
    const kept = await send(["GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"], 1);
    expect(kept.got).toContain("connection: keep-alive\r\n");
    expect(kept.isClosed).toBe(false);
    kept.socket.destroy();
    const streamed = await send(["GET /models HTTP/1.0\r\nHost: localhost\r\n\r\n"], 2);
    expect(streamed.got).not.toContain("transfer-encoding");
  });

  test.each([
    ["an empty line after the body", ["\r\n"]],
    ["several, one by one, while the turn runs", ["", "\r", "\n\r\n"]],
    ["a second request behind it", [get("/healthz")]],
    ["a second request while the turn runs", ["", get("/healthz").slice(0, 10), get("/healthz").slice(10)]],
  ])("a message with %s has its answer, and was asked once", async (_name, after) => {
    const { id } = await newSession(server.url);
    server.emulator.play({ text: "here I am", chunks: 3, delayMs: 30 });
    const message = post(`/sessions/${id}/messages`, { content: "hi" });
    const wanted = after.join("").includes("GET") ? 2 : 1;
    const line = await send([message + after[0], ...after.slice(1)], wanted);
    expect(statuses(line)).toEqual([201, 200].slice(0, wanted));
    expect(line.got).toContain("here I am");
    expect(line.isClosed).toBe(false); // and can be used again
    line.socket.write(get("/healthz"));
    await eventually(
      async () => statuses(line).length,
      (count) => count === wanted + 1,
    );
    expect((await readHistory(server.url, id)).data).toHaveLength(2);
    line.socket.destroy();
  });

  test("a caller that says it will send no more, and waits, has its answer", async () => {
    const { id } = await newSession(server.url);
    server.emulator.play({ text: "still here", chunks: 3, delayMs: 30 });
    const line = open();
    line.socket.end(post(`/sessions/${id}/messages`, { content: "hi" }));
    await eventually(
      async () => line.isClosed,
      (isClosed) => isClosed,
    );
    expect(line.got).toContain("still here");
  });

  test("many requests at once are answered in their order", async () => {
    const paths = Array.from({ length: 50 }, (_, index) => (index % 2 ? "/healthz" : `/nothing-${index}`));
    const line = await send([paths.map(get).join("")], paths.length);
    expect(statuses(line)).toEqual(paths.map((path) => (path === "/healthz" ? 200 : 404)));
    line.socket.destroy();
  });

  test("headers that are the same but for the length, wherever it stands, are each read with their own", async () => {
    const titles = ["t", "a1", "a longer one", "x".repeat(100)];
    const asked = titles.flatMap((title) => {
      const json = JSON.stringify({ title });
      const headers = ["Host: localhost", "Content-Type: application/json", "Accept: */*"];
      return headers.map((_, place) => {
        const lines = headers.toSpliced(place, 0, `content-LENGTH:${" ".repeat(place)}${json.length} `);
        return `POST /sessions HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${json}`;
      });
    });
    const line = await send([asked.join("")], asked.length);
    expect(statuses(line)).toEqual(asked.map(() => 201));
    expect([...line.got.matchAll(/"title":"(.*?)"/g)].map(([, title]) => title)).toEqual(
      titles.flatMap((title) => [title, title, title]),
    );
    line.socket.destroy();
  });

  test("bytes one by one, chunks of odd sizes, an interim 100, a path as a person types it", async () => {
    const head =
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    const chunks = '1;a=b\r\n{\r\n8\r\n"title":\r\n5\r\n"abc"\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n';
    const slow = open();
    for (const character of `${head}\r\n${chunks}`) slow.socket.write(character);
    await eventually(
      async () => statuses(slow),
      (seen) => seen.length > 0,
    );
    expect(statuses(slow)).toEqual([201]);
    expect(slow.got).toContain('"title":"abc"');
    slow.socket.destroy();
    const asked = await send([`${head}Expect: 100-continue\r\n\r\n`, chunks], 2);
    expect(statuses(asked)).toEqual([100, 201]);
    asked.socket.destroy();
    const typed = await send([Buffer.from(get("/sessions?q=борщ")).toString("latin1")], 1);
    typed.socket.destroy();
    const utf8 = open();
    utf8.socket.write(get("/sessions?q=борщ"));
    await eventually(
      async () => statuses(utf8).length,
      (count) => count > 0,
    );
    expect(statuses(utf8)).toEqual([200]);
    utf8.socket.destroy();
  });
});

describe("what could be understood in two ways is refused, and nothing runs", () => {
  test.each([
    [
      "two types of a body that has none",
      "GET /models HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b\r\ncontent-type: a/c\r\n\r\n",
    ],
    ["a header without a colon", "GET /models HTTP/1.1\r\nHost: localhost\r\nAccept\r\n\r\n"],
    ["two lengths", "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    [
      "a length and chunks",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "two lengths, of which one is none",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\nContent-Length: 2\r\n\r\n{}",
    ],
    [
      "a length behind a lone carriage return",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ["a length that is none", "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}"],
    [
      "another coding",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    ["chunks in HTTP/1.0", "POST /sessions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    [
      "a chunk longer than it says",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    ],
    ["two hosts", "GET /sessions HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"],
    ["a space before the colon", "GET /sessions HTTP/1.1\r\nHost : localhost\r\n\r\n"],
    ["a folded line", "GET /sessions HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n"],
    ["a bare line feed", "GET /sessions HTTP/1.1\nHost: localhost\n\n"],
    ["a NUL", "GET /sessions HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n"],
    ["another version", "GET /sessions HTTP/2.0\r\nHost: localhost\r\n\r\n"],
    ["a space in the address", "GET /sessions x HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a head without end", `GET /sessions HTTP/1.1\r\nX: ${"x".repeat(40_000)}`],
  ])("%s", async (_name, bytes) => {
    const before = (await (await fetch(`${server.url}/sessions?limit=100`)).json()) as { data: unknown[] };
    const line = await send([bytes], 2);
    expect(statuses(line)).toEqual([400]);
    expect(line.isClosed).toBe(true);
    expect(line.got).toContain('"code":"bad_request"');
    expect(((await (await fetch(`${server.url}/sessions?limit=100`)).json()) as { data: unknown[] }).data).toEqual(
      before.data,
    );
  });

  test("a body in chunks that is too large is refused also where all of it came with the head", async () => {
    const own = await startHttp({ settings: { MAX_BODY_BYTES: "1024" } });
    try {
      const chunk = `400\r\n${"{}".padEnd(1024)}\r\n`;
      const asked = `POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const line = await send([`${asked}${chunk}0\r\n\r\n${asked}${chunk}${chunk}0\r\n\r\n`], 2, own.port);
      expect(statuses(line)).toEqual([201, 413]);
      line.socket.destroy();
    } finally {
      await own.stop();
    }
  });

  test("whatever is in a body that nobody reads is not taken for a request", async () => {
    const inner = get("/healthz");
    const line = await send(
      [`POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`],
      2,
    );
    expect([statuses(line), line.isClosed]).toEqual([[404], true]);
  });
});

describe("time and room", () => {
  test("a connection without a request, with half of one, or after its last answer does not live for ever", async () => {
    const own = await startHttp({ settings: { IDLE_CONNECTION_MS: "200" }, times: { headMs: 200 } });
    try {
      const { id } = await newSession(own.url);
      const lines = [
        "",
        "GET /he",
        get("/healthz"),
        post(`/sessions/${id}/messages`, { content: "x", stream: true }),
      ].map((bytes) => {
        const line = open(own.port);
        line.socket.write(bytes);
        return line;
      });
      await eventually(
        async () => lines.map(({ isClosed }) => isClosed),
        (closed) => closed.every(Boolean),
      );
      expect(lines.map((line) => statuses(line))).toEqual([[], [400], [200], [200]]);
      expect(lines[3]!.got).toContain("event: turn-end");
    } finally {
      await own.stop();
    }
  });

  test("a full house: who waits longest without a request gives way to who asks; where all are busy, the new one is told", async () => {
    const own = await startHttp({ settings: { MAX_CONNECTIONS: "20" }, providerMs: 20_000 });
    try {
      const idle = Array.from({ length: 60 }, () => open(own.port));
      await eventually(
        async () => idle.filter(({ isClosed }) => isClosed).length,
        (closed) => closed === 40,
      );
      expect(own.connections()).toBe(20);
      expect(statuses(await send([get("/healthz")], 1, own.port))).toEqual([200]);
      own.emulator.always({ fault: "stall", text: "silence", chunks: 2, after: 1 });
      const { id } = await newSession(own.url);
      const asker = await openStream(own.url, id, { content: "x" });
      const turnId = (await asker.next()).value!.data.turn_id as string;
      const busy = Array.from({ length: 19 }, () => {
        const line = open(own.port);
        line.socket.write(get(`/turns/${turnId}/events`));
        return line;
      });
      await eventually(
        async () => busy.filter((line) => statuses(line).length > 0).length,
        (answered) => answered === 19,
      );
      const turnedAway = await send([get("/healthz")], 2, own.port);
      expect([statuses(turnedAway), turnedAway.isClosed]).toEqual([[429], true]);
    } finally {
      await own.stop();
    }
  });

  test("bodies on their way hold a bounded memory: the one that has taken longest gives way, and who sends at once is served", async () => {
    const own = await startHttp({ settings: { MAX_BODY_BYTES: "400000", MAX_BODIES_BYTES: "1000000" } });
    try {
      const half = (fill: string) =>
        `POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 390000\r\n\r\n{"title":"${fill.repeat(300_000)}`;
      const slow: Line[] = [];
      for (let index = 0; index < 12; index++) {
        const line = open(own.port);
        line.socket.write(half("x"));
        slow.push(line);
        expect((await newSession(own.url, { title: `t${index}` })).version).toBe(1);
      }
      await eventually(
        async () => slow.filter((line) => statuses(line)[0] === 429).length,
        (refused) => refused >= 9,
      );
      expect(slow.at(-1)!.isClosed).toBe(false);
      for (const { socket } of slow) socket.destroy();
    } finally {
      await own.stop();
    }
  });
});
