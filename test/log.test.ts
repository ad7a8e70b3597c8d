// The log: a line is what it was told, whatever that was, and none is lost on the way to stderr as long as somebody reads.

import { afterAll, describe, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmulator } from "../emulator/emulator.ts";
import { startProcess } from "./kill-run.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const runtimes: [string, string[]][] = [
  ["Bun", [process.execPath, "-e"]],
  ["Node", [join(import.meta.dirname, "node_modules", ".bin", "node"), "--input-type=module-typescript", "--eval"]],
];

interface Line {
  level: number;
  time: string;
  msg: string;
  [field: string]: unknown;
}

const parse = (text: string): Line[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** Starts a program that has a log of this level. */
function start(program: string, [command, ...words] = runtimes[0]![1], stderr: "pipe" | number = "pipe") {
  const prelude = `
    import { writeSync } from "node:fs";
    import { createLog, logWritten } from "../src/log.ts";
    const log = createLog("debug");
    const logMany = (from, to) => { for (let n = from; n < to; n++) log.info({ n, filler: "x".repeat(200) }, "one of many"); };
  `;
  const child = spawn(command!, [...words, prelude + program], {
    cwd: import.meta.dirname,
    stdio: ["pipe", "pipe", stderr],
  });
  const heard = { stdout: "", stderr: "" };
  child.stdout!.on("data", (bytes: Buffer) => {
    heard.stdout += bytes;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const listen = () =>
    child.stderr!.on("data", (bytes: Buffer) => {
      heard.stderr += bytes;
    });
  return { child, heard, ended, listen };
}

async function run(program: string, runtime?: string[]) {
  const { heard, ended, listen } = start(program, runtime);
  listen();
  return { code: await ended, ...heard };
}

const numbers = (lines: Line[]) => lines.map(({ n }) => n).filter((n) => n !== undefined);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("a line", () => {
  test("is the level's number, the time, the fields in their order without what is undefined, and the sentence", async () => {
    const before = new Date().toISOString();
    const { stderr } = await run(`
      log.info({ b: 1.25, a: "x", gone: undefined, none: null, yes: true, list: [1, { c: "d" }] }, "said");
      log.debug({}, "nothing else");
      log.warn({}, "w");
      log.error({}, "e");
    `);
    const [, time] = /"time":"([^"]+)"/.exec(stderr)!;
    expect(time! >= before && time! <= new Date().toISOString()).toBeTrue();
    expect(stderr.replaceAll(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g, '"time":"T"')).toBe(
      '{"level":30,"time":"T","b":1.25,"a":"x","none":null,"yes":true,"list":[1,{"c":"d"}],"msg":"said"}\n' +
        '{"level":20,"time":"T","msg":"nothing else"}\n{"level":40,"time":"T","msg":"w"}\n{"level":50,"time":"T","msg":"e"}\n',
    );
  });

  test("is one line and reads back as it was, whatever is in the words", async () => {
    const words = 'quote " backslash \\ line\nfeed \r \t \u0000 \u001b[31m \u2028 \u007f é 😀 "}\n{"level":60}';
    const { stderr } = await run(`const words = ${JSON.stringify(words)}; log.info({ words, [words]: 1 }, words);`);
    expect(parse(stderr)).toEqual([expect.objectContaining({ words, [words]: 1, msg: words })]);
  });

  test("comes of every field that no JSON can be made of, and nothing is thrown", async () => {
    const { code, stderr } = await run(`
      log.info({ id: "i", big: 12345678901234567890n, within: { big: 1n } }, "BigInt");
      const round = { name: "round" };
      round.round = round;
      log.info({ id: "i", round }, "itself");
      log.info({ id: "i", get bad() { throw new Error("getter"); } }, "getter");
      log.info({ id: "i", bad: { toJSON() { throw Object.create(null); } } }, "toJSON");
      log.info({ cause: Object.assign(new Error("x"), { bad: { toJSON() { throw 1; } } }) }, "in an error");
      let deep = {};
      for (let n = 0; n < 10_000; n++) deep = { deep };
      log.info({ id: "i", deep }, "deep");
      log.info({ id: "i", nothing: () => {}, mark: Symbol("s"), n: NaN }, "left out");
    `);
    expect(code).toBe(0);
    const lines = parse(stderr);
    expect(lines.map(({ msg }) => msg)).toEqual(
      ["BigInt", "itself", "getter", "toJSON", "in an error", "deep", "left out"], //
    );
    expect(lines[0]).toMatchObject({ id: "i", big: "12345678901234567890", within: { big: "1" } });
    expect(lines[1]).toMatchObject({ id: "i", round: { name: "round", round: "[left out]" } });
    for (const line of lines.slice(2, 5)) expect(line.fields).toBe("[not printable]");
    expect(lines[5]!.id).toBe("i");
    expect(lines[6]).toEqual({ level: 30, time: expect.any(String), id: "i", n: null, msg: "left out" });
  });

  test("that is below the level is not written", async () => {
    const all = `for (const name of ["debug", "info", "warn", "error"]) quiet[name]({}, name);`;
    const said = async (level: string) =>
      parse((await run(`const quiet = createLog("${level}"); ${all}`)).stderr).map(({ msg }) => msg);
    expect(await said("info")).toEqual(["info", "warn", "error"]);
    expect(await said("error")).toEqual(["error"]);
    expect(await said("silent")).toEqual([]);
  });
});

describe("a cause", () => {
  const log = async (cause: string) => parse((await run(`log.error({ cause: ${cause} }, "why");`)).stderr)[0]!.cause;

  test("has its class, its words and stack with those of what caused it, and what it carries", async () => {
    const cause = await log(
      `Object.assign(new RangeError("outer", { cause: new TypeError("middle", { cause: new Error("inner") }) }), { code: "E1", type: "hidden" })`,
    );
    expect(cause).toEqual({
      type: "RangeError",
      message: "outer: middle: inner",
      stack: expect.stringMatching(
        /^RangeError: outer\n[\s\S]+\ncaused by: TypeError: middle\n[\s\S]+\ncaused by: Error: inner/,
      ),
      code: "E1",
    });
  });

  test("has every error that it gathers", async () => {
    expect(await log(`new AggregateError([new Error("one"), new TypeError("two")], "both")`)).toMatchObject({
      message: "both",
      aggregateErrors: [
        { type: "Error", message: "one", stack: expect.stringContaining("one") },
        { type: "TypeError", message: "two" },
      ],
    });
  });

  test("may cause itself, and may carry what has no end: it says its words once, and no more than a hundred things", async () => {
    const cause = await log(`(() => {
      const error = new Error("round");
      error.cause = new Error("again", { cause: error });
      error.client = { name: "client", error };
      error.client.all = Array.from({ length: 1_000 }, (_, n) => ({ n, client: error.client }));
      return error;
    })()`);
    expect(cause).toMatchObject({ message: "round: again", client: { name: "client", error: "[left out]" } });
    expect(JSON.stringify(cause).length).toBeLessThan(20_000);
  });

  test("that is no error stays what it is", async () => {
    expect(await log(`"words"`)).toBe("words");
    expect(await log("null")).toBeNull();
    expect(await log("undefined")).toBeUndefined();
  });
});

// Whoever writes into a full pipe waits, or is refused where the runtime has been asked for its own stream.
const waits = ["waits", ""] as const;
const refuses = ["refuses", "process.stderr.writable;"] as const;

/** A pipe that holds what is written until it is read here. */
function openPipe() {
  const path = join(folder, `pipe-${performance.now()}`);
  execFileSync("mkfifo", [path]);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reading, writing: openSync(path, constants.O_WRONLY) };
}

describe.each(runtimes)("on %s, lines", (_, runtime) => {
  test("are gathered: none is written by the call itself", async () => {
    const { stderr } = await run(`log.info({}, "later"); writeSync(2, "first\\n");`, runtime);
    expect(stderr).toMatch(/^first\n.*later/);
  });

  test.each([
    ["by itself", "", 0],
    ["by process.exit", "process.exit(3);", 3],
    ["by an error that nobody catches", `throw new Error("boom");`, 1],
    ["by a promise that nobody catches", `void Promise.reject(new Error("boom"));`, 1],
    ["while it is written", `process.once("exit", () => log.error({ n: 300 }, "last")); process.exit(4);`, 4],
  ])("are all there, in order, when the process ends %s", async (_how, end, code) => {
    for (const count of [3, 50, 300]) {
      const ran = await run(`logMany(0, ${count}); ${end}`, runtime);
      const said = ran.stderr.split("\n").filter((line) => line.startsWith('{"level":30'));
      expect([ran.code, numbers(said.map((line) => JSON.parse(line)))]).toEqual([code, upTo(count)]);
    }
  });

  test("wait for a slow reader at an end in good order", async () => {
    const program = `logMany(0, 3_000); writeSync(1, "logged"); await logWritten(); process.exit(0);`;
    const { child, ended, heard, listen } = start(program, runtime);
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    listen();
    expect([await ended, numbers(parse(heard.stderr))]).toEqual([0, upTo(3_000)]);
  });

  test("go nowhere when nobody can read them any more, and the process goes on", async () => {
    const program = `
      process.stdin.once("data", async () => {
        for (let at = 0; at < 20; at++) { logMany(0, 100); await new Promise(setImmediate); }
        await logWritten();
        writeSync(1, "alive");
        process.exit(0);
      });
      writeSync(1, "ready");
    `;
    const { child, ended, heard } = start(program, runtime);
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    child.stderr!.destroy();
    await new Promise((resolve) => child.stderr!.once("close", resolve));
    child.stdin!.end("go");
    expect([await ended, heard.stdout]).toEqual([0, "readyalive"]);
  });

  test.each([waits, refuses])(
    "hold nobody up on a full pipe that %s: a megabyte waits, the rest is counted, all comes when somebody reads",
    async (_how, before) => {
      const { reading, writing } = openPipe();
      const program = `${before}
      for (let at = 0; at < 200; at++) { logMany(at * 100, at * 100 + 100); await new Promise(setImmediate); }
      writeSync(1, "logged");
      process.stdin.once("data", async () => { log.info({}, "the end"); await logWritten(); process.exit(0); });
    `;
      const { child, ended } = start(program, runtime, writing);
      closeSync(writing);
      await new Promise((resolve) => child.stdout!.once("data", resolve));
      let text = "";
      const bytes = Buffer.alloc(65_536);
      let open = true;
      while (open)
        try {
          const count = readSync(reading, bytes);
          text += bytes.toString("latin1", 0, count);
          open = count > 0;
          if (text.includes("were lost") && !child.stdin!.writableEnded) child.stdin!.end("end");
        } catch {
          await new Promise(setImmediate); // nothing in it yet
        }
      closeSync(reading);
      expect(await ended).toBe(0);
      const lines = parse(text);
      const notice = lines.findIndex(({ msg }) => msg.includes("were lost"));
      const came = numbers(lines);
      expect(came).toEqual(upTo(came.length));
      expect(lines[notice]).toMatchObject({ level: 40, lines: 20_000 - came.length });
      expect(lines.at(-1)!.msg).toBe("the end");
      // What the pipe itself holds, and what had been handed over before it was full.
      expect(text.length).toBeGreaterThan(950_000);
      expect(text.length).toBeLessThan(1_000_000 + 65_536 + 12_288);
    },
  );
});

// Node itself waits for its threads at the end.
test.each([waits, refuses])("a full pipe that %s does not keep the process from its end", async (_how, before) => {
  const { reading, writing } = openPipe();
  const { ended } = start(
    `${before} logMany(0, 3_000); await logWritten(); logMany(0, 9); process.exit(5);`,
    undefined,
    writing,
  );
  closeSync(writing);
  expect(await ended).toBe(5);
  closeSync(reading);
});

test("the server's own lines are all there when a signal has ended it", async () => {
  const emulator = await startEmulator();
  const env = { GEMINI_API_KEY: "k", GEMINI_BASE_URL: emulator.url, LOG_LEVEL: "info" };
  const server = await startProcess({ ...env, DATABASE_URL: `sqlite:${folder}/end.db` });
  const all = new Promise((resolve) => server.child.once("close", resolve));
  await Promise.all(Array.from({ length: 200 }, () => fetch(`${server.url}/sessions`).then((answer) => answer.text())));
  expect(await server.kill("SIGTERM")).toBe(0);
  await emulator.close();
  await all;
  const lines = server.said().split("\n");
  expect(lines.filter((line) => line.includes('"route":"/sessions"')).length).toBe(200);
});
