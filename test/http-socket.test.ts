// A connection on its way can be given up, whatever the other end does not say.

import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createPost } from "../src/providers/http/client.ts";
import { openSocket } from "../src/providers/http/socket.ts";

const noProxies = { http: null, https: null, except: null };

test("a call that is cancelled while the server is silent in the middle of securing the connection closes it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const call = createPost(`https://127.0.0.1:${port}`, {}, noProxies)("/", ["{}"]);
  const opening = call.open().then(
    () => "opened",
    () => "refused",
  );
  const [socket] = (await once(server, "connection")) as [Socket];
  socket.on("error", () => {}); // being cut off is what should happen
  await once(socket, "data"); // the client's first words: it now waits for the server's
  const closed = new Promise((resolve) => socket.once("close", resolve));
  call.cancel();
  expect([await opening, call.sent]).toEqual(["refused", false]);
  await closed;
  server.close();
});

test("bytes that were lent arrive as they were, though the other end takes them only later", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const coming = once(server, "connection") as Promise<[Socket]>;
  const opened = Promise.withResolvers<void>();
  const socket = openSocket(
    { host: "127.0.0.1", port, tls: false, tunnel: null },
    { onOpen: opened.resolve, onData() {}, onClosed() {} },
  );
  const [other] = await coming;
  other.pause();
  await opened.promise;
  const lent = new Uint8Array(64 * 1024);
  const times = 200; // 13 MB: more than any system takes before they are read
  for (let time = 0; time < times; time++) {
    socket.write(lent.fill(time), lent.length);
    lent.fill(255);
  }
  const wrong = new Set<number>();
  let bytes = 0;
  other.on("data", (data: Buffer) => {
    for (const byte of data) if (byte !== Math.floor(bytes++ / lent.length)) wrong.add(byte);
    if (bytes >= times * lent.length) other.end();
  });
  other.resume();
  await once(other, "close");
  expect([bytes, [...wrong]]).toEqual([times * lent.length, []]);
  socket.destroy();
  server.close();
});
