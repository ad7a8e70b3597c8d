// A connection on its way can be given up, whatever the other end does not say.

import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createPost } from "../src/providers/http/client.ts";

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
