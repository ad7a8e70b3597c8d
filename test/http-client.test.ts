// Exchanges over connections of our own, against servers that write raw bytes and break off.

import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { createPost } from "../src/providers/http/client.ts";
import { eventually } from "./client.ts";
import {
  callInChild,
  closeRaw,
  listen,
  node,
  noProxies,
  readAll,
  serveRaw,
  serveTls,
  trusting,
  withLength,
} from "./raw-server.ts";

afterEach(closeRaw);

const failureOf = (given: unknown) =>
  Promise.resolve(given)
    .then(() => null)
    .catch((error: unknown) => error);
const isClosed = (socket: Socket) => eventually(async () => socket.destroyed, Boolean);
const inChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const headers = { "content-type": "application/json", "x-goog-api-key": "s3cret" };

const post = (url: string, given: Record<string, string>) => {
  const send = createPost(url, given, noProxies);
  return (path: string, body: string) => send(path, [body]);
};

describe("one exchange", () => {
  test("a request's method, path, headers and body arrive as they are", async () => {
    const server = await serveRaw((socket) => socket.write(withLength("так")));
    const body = '{"text":"Привіт, світе 🌍\\r\\n"}';
    const call = post(`${server.url}/v1beta`, headers)("/models/x:stream?alt=sse", body);
    expect(await readAll(call)).toBe("так");
    expect([call.status, call.sent, server.requests.length]).toEqual([200, true, 1]);
    const [head = "", ...rest] = Buffer.from(server.requests[0]!, "latin1").toString().split("\r\n\r\n");
    const [line, ...fields] = head.split("\r\n");
    expect(line).toBe("POST /v1beta/models/x:stream?alt=sse HTTP/1.1");
    const sent = [
      `host: 127.0.0.1:${server.port}`,
      "content-type: application/json",
      "x-goog-api-key: s3cret",
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    const came = fields.map((field) => field.replace(/^[^:]+/, (key) => key.toLowerCase()));
    expect(came).toEqual(sent);
    expect(rest.join("\r\n\r\n")).toBe(body);
  });

  test("a request of 3 MB arrives whole, though the server reads it slowly", async () => {
    const server = await serveRaw(
      (socket) => socket.write(withLength("whole")),
      (socket) =>
        socket.on("data", () => {
          socket.pause();
          setTimeout(() => socket.resume(), 1);
        }),
    );
    let body = "";
    for (let line = 0; body.length < 2_000_000; line++) body += `${line} слово 🌍\n`;
    expect(Buffer.byteLength(body)).toBeGreaterThan(2_900_000);
    expect(await readAll(post(server.url, headers)("/", body))).toBe("whole");
    const request = server.requests[0]!;
    const came = Buffer.from(request.slice(request.indexOf("\r\n\r\n") + 4), "latin1").toString();
    expect(came === body).toBe(true);
  });

  test.each([
    ["with a length", withLength("hello", "X-Twice: A", "x-twice: b")],
    ["in chunks", `${inChunks}3\r\nhel\r\n2;x\r\nlo\r\n0\r\nx-sum: 1\r\n\r\n`],
    ["after an interim answer", `HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${withLength("hello")}`],
    ["until the connection is closed", "HTTP/1.1 200 OK\r\n\r\nhello"],
  ])("an answer %s arrives whole", async (how, answer) => {
    const server = await serveRaw((socket) => {
      if (how.startsWith("until")) socket.end(answer);
      else socket.write(answer);
    });
    const call = post(server.url, headers)("/", "{}");
    expect(await readAll(call)).toBe("hello");
    expect(call.header("x-twice")).toBe(how === "with a length" ? "a, b" : "");
    expect(await call.read()).toBeNull();
  });

  test.each([
    ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"],
    ["in chunks", `${inChunks}5\r\nhello\r\n`],
  ])("an answer %s that breaks off throws after what came before", async (_, answer) => {
    for (const breakOff of ["end", "resetAndDestroy"] as const) {
      const server = await serveRaw((socket) => socket.write(answer));
      const call = post(server.url, headers)("/", "{}");
      await call.open();
      expect(Buffer.from((await call.read())!).toString()).toBe("hello");
      server.sockets[0]![breakOff]();
      expect(await failureOf(call.read())).toBeInstanceOf(Error);
      expect([call.status, call.sent, server.requests.length]).toEqual([200, true, 1]);
    }
  });

  test.each([
    ["before an answer", ""],
    ["in mid-answer", `${inChunks}5\r\nhello\r\n`],
  ])("cancelling %s closes the connection, and whoever waits is settled", async (_, answer) => {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const server = await serveRaw((socket) => void socket.write(answer, () => resolve(socket)));
    const call = post(server.url, headers)("/", "{}");
    if (answer !== "") expect(await call.open().then(() => call.read())).toHaveLength(5);
    const waiting = failureOf(answer === "" ? call.open() : call.read());
    const socket = await promise;
    call.cancel();
    await waiting;
    await isClosed(socket);
    expect(server.requests).toHaveLength(1);
  });

  test("cancelling before the connection is made leaves nothing open", async () => {
    const server = await serveRaw((socket) => socket.write(withLength("answered")));
    const send = post(server.url, headers);
    const cancelled = send("/cancelled", "{}");
    const waiting = failureOf(cancelled.open());
    cancelled.cancel();
    expect(await waiting).toBeInstanceOf(Error);
    expect(await readAll(send("/next", "{}"))).toBe("answered");
    await eventually(
      async () => server.sockets.filter((socket) => !socket.destroyed).length,
      (open) => open <= 1,
    );
    expect(server.requests.map((request) => request.split(" ")[1])).toEqual(["/next"]);
  });

  test("where nobody listens, nothing was sent", async () => {
    const closed = createServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const call = post(`http://127.0.0.1:${port}`, headers)("/", "{}");
    expect(await failureOf(call.open())).toBeInstanceOf(Error);
    expect([call.sent, call.status]).toEqual([false, 0]);
  });

  test("a new connection that breaks after the request throws: it was sent, and is not sent again", async () => {
    for (const breakOff of ["resetAndDestroy", "destroy", "end"] as const) {
      const server = await serveRaw((socket) => void socket[breakOff]());
      const call = post(server.url, headers)("/", "{}");
      expect(await failureOf(call.open())).toBeInstanceOf(Error);
      expect([call.sent, call.status, server.requests.length, server.sockets.length]).toEqual([true, 0, 1, 1]);
    }
  });
});

describe("a kept connection", () => {
  test("carries the next call, whatever way the answer ended, but not after a close or bytes too many", async () => {
    const answers = [
      withLength("1"),
      `${inChunks}1\r\n2\r\n0\r\n\r\n`,
      "HTTP/1.1 204 No Content\r\n\r\n",
      withLength("4", "Connection: close"),
      withLength("5").replace("1.1", "1.0"),
      withLength("6") + withLength("forged"),
      withLength("7"),
    ];
    const server = await serveRaw((socket, nth) => socket.write(answers[nth - 1]!));
    const send = post(server.url, headers);
    const counts: number[] = [];
    for (const text of ["1", "2", "", "4", "5", "6", "7"]) {
      expect(await readAll(send("/", "{}"))).toBe(text);
      counts.push(server.sockets.length);
    }
    expect(counts).toEqual([1, 1, 1, 1, 2, 3, 4]);
    for (const socket of server.sockets.slice(0, 3)) await isClosed(socket);
    expect(server.sockets[3]!.destroyed).toBe(false);
  });

  test("is one for each of 20 calls at once, and later calls use them again", async () => {
    const waiting: Socket[] = [];
    const server = await serveRaw((socket) => {
      if (waiting.push(socket) < 20) return;
      for (const each of waiting.splice(0)) each.write(withLength("x"));
    });
    const send = post(server.url, headers);
    for (let round = 0; round < 3; round++) {
      const texts = await Promise.all(Array.from({ length: 20 }, () => readAll(send("/", "{}"))));
      expect(texts).toEqual(Array(20).fill("x"));
      expect(server.sockets).toHaveLength(20);
    }
  });

  test("that was closed before the request came, and seen to be, is not used", async () => {
    const server = await serveRaw((socket, nth) => socket.write(withLength(`${nth}`)));
    const send = post(server.url, headers);
    await readAll(send("/", "{}"));
    server.sockets[0]!.end();
    await isClosed(server.sockets[0]!); // it is, when our end has answered
    expect(await readAll(send("/", "{}"))).toBe("2");
    expect([server.requests.length, server.sockets.length]).toEqual([2, 2]);
  });

  test.each([
    ["is reset", (socket: Socket) => void socket.resetAndDestroy()],
    ["is closed in good order", (socket: Socket) => void socket.end()],
    ["is closed after a byte of an answer", (socket: Socket) => void socket.end("H")],
    ["is closed after an interim answer", (socket: Socket) => void socket.end("HTTP/1.1 100 Continue\r\n\r\n")],
  ])("that %s has its request not sent again", async (_, breakOff) => {
    const server = await serveRaw((socket, nth) => void (nth === 1 ? socket.write(withLength("1")) : breakOff(socket)));
    const send = post(server.url, headers);
    await readAll(send("/", "{}"));
    const call = send("/", "{}");
    expect(await failureOf(call.open())).toBeInstanceOf(Error);
    expect([call.sent, server.requests.length, server.sockets.length]).toEqual([true, 2, 1]);
  });

  test("that brings bytes nobody asked for is closed, and the next call is not answered by them", async () => {
    const server = await serveRaw((socket, nth) => socket.write(withLength(`${nth}`)));
    const send = post(server.url, headers);
    expect(await readAll(send("/", "{}"))).toBe("1");
    server.sockets[0]!.write(withLength("forged"));
    await isClosed(server.sockets[0]!);
    expect(await readAll(send("/", "{}"))).toBe("2");
    expect(server.sockets).toHaveLength(2);
  });
});

test("a reader that does not read keeps the server from sending on, and gets all of it when it reads again", async () => {
  const piece = Buffer.alloc(64 * 1024, "x");
  const whole = 1024 * piece.length;
  let given = 0;
  const server = await serveRaw((socket, nth) => {
    if (nth > 1) return void socket.write(withLength("next"));
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${whole}\r\n\r\n`);
    const giveOn = () => {
      while (given < whole) {
        given += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on("drain", giveOn);
    giveOn();
  });
  const send = post(server.url, headers);
  const call = send("/", "{}");
  await call.open();
  let [last, same] = [0, 0];
  await eventually(
    async () => {
      same = given === last ? same + 1 : 0;
      last = given;
      return same;
    },
    (polls) => polls >= 20,
  );
  expect(given).toBeLessThan(whole / 2);
  let size = 0;
  for (let bytes = await call.read(); bytes !== null; bytes = await call.read()) size += bytes.length;
  expect(size).toBe(whole);
  expect(await readAll(send("/", "{}"))).toBe("next");
  expect(server.sockets).toHaveLength(1);
});

describe.each([
  ["Bun", process.execPath],
  ["Node", node],
])("in a process of its own, on %s", (_, runtime) => {
  test("a connection that is kept keeps no process alive", async () => {
    const server = await serveRaw((socket) => socket.write(withLength("hello")));
    const seen = await callInChild(runtime, server.url);
    expect(seen).toEqual({ text: "hello", failure: "", sent: true });
  }, 180_000);

  test("a key is sent only to a server that has proven its name", async () => {
    const [good, other] = [await serveTls("good"), await serveTls("other")];
    const [byName, byAddress, wrong, unknown] = await Promise.all([
      callInChild(runtime, `https://localhost:${good.port}`, trusting),
      callInChild(runtime, `https://127.0.0.1:${good.port}`, trusting),
      callInChild(runtime, `https://localhost:${other.port}`, trusting),
      callInChild(runtime, `https://localhost:${good.port}`),
    ]);
    for (const seen of [byName, byAddress]) expect(seen).toEqual({ text: "over TLS", failure: "", sent: true });
    expect(wrong).toEqual({ text: "", failure: "ERR_TLS_CERT_ALTNAME_INVALID", sent: false });
    expect(unknown).toMatchObject({ text: "", sent: false });
    expect(unknown.failure).toMatch(/^(UNABLE_TO_\w+|\w*CERT\w*)$/);
    expect([good.requests.length, good.size(), other.size()]).toEqual([2, good.requests.join("").length, 0]);
  }, 180_000);
});
