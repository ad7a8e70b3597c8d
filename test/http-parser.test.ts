// An HTTP answer is read right however it is framed and cut, and one that breaks the protocol is refused.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AnswerParser, HttpSyntaxError } from "../src/providers/http/parser.ts";

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const byByte = (bytes: Uint8Array) => [...bytes].map((byte) => Uint8Array.of(byte));

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

/** The whole answer's body; `closed` at its end. */
function parse(pieces: Uint8Array[], closed = false): { parser: AnswerParser; body: string } {
  const parser = new AnswerParser();
  const body = pieces.map((piece) => Buffer.from(parser.push(piece)).toString("latin1")).join("");
  if (closed) parser.close();
  return { parser, body };
}

/** How one body travels: its headers, and its bytes between the head and the end. */
interface Framed {
  headers: string[];
  bytes: Uint8Array;
  /** Whether the connection can be kept, as far as the framing goes. */
  keeps: boolean;
  toClose: boolean;
}

const anyBody = fc.uint8Array({ maxLength: 600 });
const sizeStyle = fc.record({
  isUpper: fc.boolean(),
  zeros: fc.nat(8),
  extension: fc.constantFrom("", "", ";a", ';name="a b"', " ;x=1;y=2", "\t;z", " ", ";\xff"),
});
const trailers = fc.array(fc.constantFrom("x-sum: 1", "x-empty:", "X-Long: ".padEnd(300, "y")), { maxLength: 3 });
const chunkedCoding = fc.constantFrom(
  "Transfer-Encoding: chunked",
  "transfer-encoding:CHUNKED",
  "TRANSFER-encoding: Chunked \t",
);

const chunked: fc.Arbitrary<[Uint8Array, Framed]> = fc
  .tuple(
    anyBody,
    fc.array(fc.nat(600), { maxLength: 6 }),
    fc.array(sizeStyle, { minLength: 8, maxLength: 8 }),
    trailers,
    chunkedCoding,
    fc.boolean(),
  )
  .map(([body, places, styles, lines, coding, hasLength]) => {
    const chunks = cut(body, places).filter(({ length }) => length > 0);
    const parts = [...chunks, new Uint8Array(0)].map((chunk, index) => {
      const { isUpper, zeros, extension } = styles[index]!;
      const hex = chunk.length.toString(16);
      const size = `${"0".repeat(zeros)}${isUpper ? hex.toUpperCase() : hex}${extension}\r\n`;
      return Buffer.concat([latin1(size), chunk, latin1(chunk.length > 0 ? "\r\n" : "")]);
    });
    const end = [...lines, ""].map((line) => latin1(`${line}\r\n`));
    const headers = hasLength ? [coding, `Content-Length: ${body.length + 1}`] : [coding];
    return [
      body,
      { headers, bytes: Uint8Array.from(Buffer.concat([...parts, ...end])), keeps: !hasLength, toClose: false },
    ];
  });
const withLength: fc.Arbitrary<[Uint8Array, Framed]> = fc
  .tuple(anyBody, fc.nat(3))
  .map(([body, zeros]) => [
    body,
    { headers: [`Content-Length: ${"0".repeat(zeros)}${body.length}`], bytes: body, keeps: true, toClose: false },
  ]);
const untilClose: fc.Arbitrary<[Uint8Array, Framed]> = anyBody.map((body) => [
  body,
  { headers: [], bytes: body, keeps: false, toClose: true },
]);

const connection = fc.constantFrom(
  "",
  "",
  "Connection: keep-alive",
  "Connection: close",
  "connection: Keep-Alive ,Close",
);
const interims = fc.array(
  fc.constantFrom(
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n",
    "HTTP/1.0 199 \r\nConnection: close\r\n\r\n",
  ),
  { maxLength: 2 },
);
const statusLine = fc.tuple(
  fc.constantFrom("1.1", "1.1", "1.1", "1.0"),
  fc.constantFrom(200, 201, 400, 404, 429, 500, 599),
);
const reason = fc.constantFrom("", " ", " OK", " Not \xffound: a b");

test("any body, framed and cut in any way, after any interim answers, is the same body, and ends where it ends", () => {
  const answer = fc.record({
    framed: fc.oneof(chunked, withLength, untilClose),
    interims,
    statusLine,
    reason,
    connection,
    more: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 4 })),
    places: fc.array(fc.nat(3000), { maxLength: 20 }),
    isByByte: fc.boolean(),
  });
  fc.assert(
    fc.property(answer, (given) => {
      const [body, { headers, bytes, keeps, toClose }] = given.framed;
      const [version, status] = given.statusLine;
      const lines = [`HTTP/${version} ${status}${given.reason}`, "X-Case:  Some Value ", ...headers, given.connection];
      const head = `${lines.filter((line) => line !== "").join("\r\n")}\r\n\r\n`;
      const whole = Buffer.concat([latin1(given.interims.join("") + head), bytes]);
      const more = toClose ? new Uint8Array(0) : given.more;
      const wire = Uint8Array.from(Buffer.concat([whole, more]));

      const parser = new AnswerParser();
      const read: Uint8Array[] = [];
      let pushed = 0;
      for (const piece of given.isByByte ? byByte(wire) : cut(wire, given.places)) {
        pushed += piece.length;
        read.push(parser.push(piece));
        expect(parser.ended).toBe(!toClose && pushed >= whole.length);
        expect(parser.status).toBe(pushed >= whole.length - bytes.length ? status : 0);
      }
      parser.close();
      expect(parser.ended).toBe(true);
      expect(Buffer.concat(read).equals(Buffer.from(body))).toBe(true);
      expect([parser.header("x-case"), parser.header("link"), parser.header("case")]).toEqual(["some value", "", ""]);
      const isKept = version === "1.1" && !/close/i.test(given.connection) && keeps && more.length === 0;
      expect(parser.reusable).toBe(isKept);
    }),
    { numRuns: 1500 },
  );
});

const ok = "HTTP/1.1 200 OK\r\n";
const inChunks = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
const long = "x".repeat(64 * 1024);
const malformed: [string, string][] = [
  ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["no status", "HTTP/1.1 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status that begins with 0", "HTTP/1.1 020 OK\r\n\r\n"],
  ["a malformed interim answer", "HTTP/1.1 100 Continue\r\n folded\r\n\r\n"],
  ["an empty line first", `\r\n\r\n${ok}\r\n`],
  ["a folded header", `${ok}A: b\r\n c\r\n\r\n`],
  ["a header folded with a tab", `${ok}A: b\r\n\tc\r\n\r\n`],
  ["a header that ends in a bare line feed", `${ok}A: b\nContent-Length: 0\r\n\r\n`],
  ["a status line that ends in a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
  ["NUL in a header", `${ok}A: b\0c\r\n\r\n`],
  ["an unknown coding", `${ok}Transfer-Encoding: gzip\r\n\r\n`],
  ["a coding before chunked", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  [
    "a coding before chunked, in a header of its own",
    `${ok}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  ["chunked twice", `${ok}Transfer-Encoding: chunked, chunked\r\n\r\n`],
  ["two lengths", `${ok}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`],
  ["two lengths in one header", `${ok}Content-Length: 3, 4\r\n\r\nabc`],
  ["a length and an empty one", `${ok}Content-Length: 3\r\nContent-Length:\r\n\r\nabc`],
  ...["three", "-3", "+3", "3.0", "0x3", "1e3", "3 3", "3;", "9".repeat(16)].map((length): [string, string] => [
    `the length ${length}`,
    `${ok}Content-Length: ${length}\r\n\r\nabc`,
  ]),
  ["a chunk's size that is no number", `${inChunks}xyz\r\n`],
  ["a chunk's size with a sign", `${inChunks}-3\r\nabc\r\n`],
  ["a chunk's size with 0x", `${inChunks}0x3\r\nabc\r\n`],
  ["a space before a chunk's size", `${inChunks} 3\r\nabc\r\n`],
  ["an empty size", `${inChunks}\r\nabc\r\n`],
  ["an extension without a size", `${inChunks};a=b\r\nabc\r\n`],
  ["an empty second size", `${inChunks}3\r\nabc\r\n\r\n`],
  ["a size of too many digits", `${inChunks}0000000000003\r\nabc\r\n`],
  ["a size that ends in a bare line feed", `${inChunks}3\nabc\r\n`],
  ["a size that ends in a bare carriage return", `${inChunks}3\rabc\r\n`],
  ["an extension that ends in a bare carriage return", `${inChunks}3;a\rabc\r\n`],
  ["a chunk longer than its size", `${inChunks}3\r\nabcd\r\n0\r\n\r\n`],
  ["a chunk that ends in a bare line feed", `${inChunks}3\r\nabc\n0\r\n\r\n`],
  ["a chunk that ends in two carriage returns", `${inChunks}3\r\nabc\r\r\n0\r\n\r\n`],
  ["a head without an end", `${ok}A: ${long}`],
  ["a head too long", `${ok}A: ${long}\r\n\r\n`],
  ["a trailer line without an end", `${inChunks}0\r\n${long}x`],
  ["trailers too long together", `${inChunks}0\r\n${`a: ${"x".repeat(4096)}\r\n`.repeat(16)}\r\n`],
  ["extensions too long", `${inChunks}3;${long}x\r\nabc\r\n`],
];
const unfinished: [string, string][] = [
  ["nothing", ""],
  ["half a head", `${ok}Content-Le`],
  ["an interim answer only", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["bare line feeds only", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
  ["less than the length", `${ok}Content-Length: 4\r\n\r\nabc`],
  ["no chunk", inChunks],
  ["half a size", `${inChunks}1`],
  ["half a chunk", `${inChunks}3\r\nab`],
  ["chunks without the last", `${inChunks}3\r\nabc\r\n`],
  ["a last chunk without the line that ends it", `${inChunks}3\r\nabc\r\n0\r\n`],
  ["half the trailer", `${inChunks}0\r\na: b\r\n`],
];

describe("an answer that breaks the protocol is refused, whole and byte by byte", () => {
  test.each(malformed)("%s", (_, text) => {
    expect(() => parse([latin1(text)])).toThrow(HttpSyntaxError);
    expect(() => parse(byByte(latin1(text)))).toThrow(HttpSyntaxError);
  });
});

describe("a connection closed before the answer is whole is told from its end", () => {
  test.each(unfinished)("%s", (_, text) => {
    for (const pieces of [[latin1(text)], byByte(latin1(text))]) {
      expect(parse(pieces).parser.ended).toBe(false);
      expect(() => parse(pieces, true)).toThrow(HttpSyntaxError);
    }
  });
});

test("a head, trailers and extensions of nearly 64 KB each are taken", () => {
  const most = "x".repeat(63 * 1024);
  const text = `${ok}A: ${most}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nb: ${most}\r\n\r\n`;
  expect(parse(cut(latin1(text), [40_000, 80_000])).body).toBe("abc");
  expect(parse([latin1(`${inChunks}3;${most}\r\nabc\r\n0\r\n\r\n`)])).toMatchObject({
    body: "abc",
    parser: { ended: true },
  });
});

test("equal lengths are one length", () => {
  for (const lengths of ["Content-Length: 3\r\nContent-Length: 3", "Content-Length: 3, 3"])
    expect(parse([latin1(`${ok}${lengths}\r\n\r\nabc`)])).toMatchObject({ body: "abc", parser: { reusable: true } });
});

test.each([204, 304])("%d ends with its head, whatever its headers say", (status) => {
  for (const header of ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"]) {
    const head = `HTTP/1.1 ${status} \r\n${header}\r\n`;
    expect(parse([latin1(head)])).toMatchObject({ body: "", parser: { status, ended: true, reusable: true } });
    expect(parse([latin1(`${head}x`)])).toMatchObject({ body: "", parser: { ended: true, reusable: false } });
  }
});

test("a header is in lower case, joined where it came more than once, and not found in another's name or value", () => {
  const lines = ["Vary: Origin", "X-Vary: no", "vary:ACCEPT \t", "A: vary: x", "Empty:"].join("\r\n");
  const { parser } = parse([latin1(`${ok}${lines}\r\nContent-Length: 0\r\n\r\n`)]);
  expect(["vary", "x-vary", "a", "empty", "none"].map((name) => parser.header(name))).toEqual([
    "origin, accept",
    "no",
    "vary: x",
    "",
    "",
  ]);
});

test("nothing that could come hangs the parser or breaks it in any other way, and how it is cut changes nothing", () => {
  const word = fc.constantFrom(
    ok,
    inChunks,
    "\r\n",
    "\r\n\r\n",
    "HTTP/1.1 100 \r\n\r\n",
    "0",
    "3",
    "Content-Length: 3\r\n",
    ";",
    "abc",
    "12345678",
  );
  const garbage = fc.array(fc.oneof(word.map(latin1), fc.uint8Array({ maxLength: 20 })), { maxLength: 12 });
  const start = fc.constantFrom("", ok, inChunks).map(latin1);
  fc.assert(
    fc.property(start, garbage, fc.array(fc.nat(500), { maxLength: 8 }), (first, words, places) => {
      const bytes = Uint8Array.from(Buffer.concat([first, ...words]));
      const [whole, inPieces, inBytes] = [[bytes], cut(bytes, places), byByte(bytes)].map((pieces) => {
        try {
          return parse(
            pieces.map((piece) => piece.slice()),
            true,
          ).body;
        } catch (error) {
          if (error instanceof HttpSyntaxError) return error;
          throw error;
        }
      });
      expect(inPieces).toEqual(whole!);
      expect(inBytes).toEqual(whole!);
      if (typeof whole === "string") expect(whole.length).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 1500 },
  );
});
