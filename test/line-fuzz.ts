// Bytes on a socket that begin as requests and are then spoiled: cut, doubled, changed, sent in pieces. What must hold whatever they are.

import net from "node:net";
import fc from "fast-check";

const json = (path: string, body: string, more = "") =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)};x=y\r\n${body}\r\n0\r\nX: y\r\n\r\n`;
const whole = [
  "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "GET /nothing?x=%20 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
  "HEAD /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "OPTIONS /sessions HTTP/1.1\r\nHost: localhost\r\n\r\n",
  json("/sessions", '{"title":"a"}'),
  json("/sessions", '{"titel":1}', "Expect: 100-continue\r\n"),
  chunked("/sessions", '{"metadata":{"a":"\\u00e9"}}'),
  "DELETE /sessions/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
];

const bytesOf = (text: string) => Buffer.from(text, "latin1");
const requests = fc.array(fc.constantFrom(...whole), { minLength: 1, maxLength: 4 });
const odd = fc.constantFrom(
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  ":",
  "\t",
  "chunked",
  "0",
  "-1",
  "99999999999",
  "Content-Length: 0\r\n",
  "\xff",
  "HTTP/1.1",
);
const spoil = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom("cut", "drop", "insert", "double"),
  length: fc.integer({ min: 1, max: 12 }),
  odd,
});

/** Requests one after another, spoiled in up to three places. */
export const spoiledRequests = fc
  .tuple(requests, fc.array(spoil, { minLength: 1, maxLength: 3 }))
  .map(([texts, changes]) => {
    let text = texts.join("");
    for (const { at, kind, length, odd } of changes) {
      const place = Math.floor(at * text.length);
      const [before, behind] = [text.slice(0, place), text.slice(place)];
      if (kind === "cut") text = before;
      else if (kind === "drop") text = before + behind.slice(length);
      else if (kind === "insert") text = before + odd + behind;
      else text = before + behind.slice(0, length) + behind;
    }
    return bytesOf(text);
  });
export const wholeRequests = requests;
export const rawBytes = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc.string({ unit: "binary", maxLength: 300 }).map(bytesOf),
);
export interface FuzzOptions {
  runs: number;
  seed?: number;
  onStatuses?(statuses: readonly number[]): void;
}

/** Rejects with the smallest bytes after which an answer is not whole, or is a 500. */
export async function checkBytes(
  port: number,
  bytes: fc.Arbitrary<Uint8Array>,
  { runs, seed, onStatuses }: FuzzOptions,
): Promise<void> {
  const isDecent = async (sent: Uint8Array, at: number[]) => {
    const statuses = readAnswers(await exchange(port, sent, at));
    onStatuses?.(statuses);
    return !statuses.includes(500);
  };
  await fc.assert(fc.asyncProperty(bytes, cuts, isDecent), { numRuns: runs, ...(seed === undefined ? {} : { seed }) });
}

/** Where the bytes are cut into pieces that are sent one by one. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

/** Sends bytes in pieces and says that no more will come; resolves with all that came back when the other end has closed too. */
export function exchange(
  port: number,
  bytes: Uint8Array,
  at: readonly number[] = [],
  patienceMs = 10_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    let answer = "";
    const patience = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(
          `no end to the answer to ${JSON.stringify(Buffer.from(bytes).toString("latin1"))}: ${answer.slice(0, 300)}`,
        ),
      );
    }, patienceMs);
    socket.on("error", () => {}); // being cut off is an answer too
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", () => {
      clearTimeout(patience);
      resolve(answer);
    });
    void sendPieces(socket, bytes, at);
  });
}

async function sendPieces(socket: net.Socket, bytes: Uint8Array, at: readonly number[]): Promise<void> {
  const places = [...new Set([0, ...at.map((share) => Math.floor(share * bytes.length)), bytes.length])].sort(
    (a, b) => a - b,
  );
  for (let index = 1; index < places.length; index++) {
    await new Promise<void>((resolve) =>
      socket.write(bytes.subarray(places[index - 1], places[index]), () => resolve()),
    );
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
}

/** The statuses of the answers, in order. Throws unless all that came back is whole answers, one after another. */
export function readAnswers(text: string, methods: readonly string[] = []): number[] {
  const statuses: number[] = [];
  for (let rest = text; rest !== ""; ) {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[!-9;-~]+: [^\r\n]*\r\n)*)\r\n/.exec(rest);
    if (!head) throw new Error(`no answer begins so: ${JSON.stringify(rest.slice(0, 120))}`);
    const status = Number(head[1]);
    const length = /^content-length: (\d+)\r$/m.exec(head[2]!)?.[1];
    rest = rest.slice(head[0].length);
    if (status === 100) continue;
    const isHead =
      methods[statuses.length] === "HEAD" || (methods.length === 0 && length !== undefined && !rest.startsWith("{"));
    statuses.push(status);
    if (length === undefined || isHead) continue;
    if (rest.length < Number(length)) throw new Error(`an answer of ${length} bytes ends after ${rest.length}`);
    rest = rest.slice(Number(length));
  }
  return statuses;
}
