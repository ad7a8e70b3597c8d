// Whatever comes over a socket: every answer is whole, none is a 500, and the same requests are answered the same however they are cut.

import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { checkBytes, cuts, exchange, rawBytes, readAnswers, spoiledRequests, wholeRequests } from "./line-fuzz.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({ times: { headMs: 300, bodyDeadlineMs: 300 } });
});
afterAll(() => server.stop());

test("bytes that are no request", async () => {
  await checkBytes(server.port, rawBytes, { runs: 300 });
}, 180_000);

test("requests that were spoiled on the way", async () => {
  await checkBytes(server.port, spoiledRequests, { runs: 600 });
  expect(server.logged.filter(({ level }) => level === "error")).toEqual([]);
}, 180_000);

test("requests one after another are answered one after another, however their bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(wholeRequests, cuts, async (texts, at) => {
      const methods = texts.map((text) => text.split(" ")[0]!);
      const bytes = Buffer.from(texts.join(""), "latin1");
      const [whole, inPieces] = [await exchange(server.port, bytes), await exchange(server.port, bytes, at)];
      const statuses = readAnswers(whole, methods);
      expect(readAnswers(inPieces, methods)).toEqual(statuses);
      // A body that nobody reads ends the connection: what follows it must not be taken for a request.
      const unread = texts.findIndex((text) => text.startsWith("DELETE"));
      expect(statuses.length).toBe(unread === -1 ? texts.length : unread + 1);
    }),
    { numRuns: 200 },
  );
}, 180_000);
