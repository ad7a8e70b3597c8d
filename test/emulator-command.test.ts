// The emulator as a command: starts on both runtimes, says where it is, answers, and ends on SIGTERM.

import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { askEvents, textOf, watchCall } from "./emulator-client.ts";

const main = fileURLToPath(new URL("../emulator/main.ts", import.meta.url));
const node = fileURLToPath(new URL("./node_modules/.bin/node", import.meta.url));

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += chunk;
    if (text.includes("\n")) return text;
  }
  return text;
}

for (const [name, runtime] of [
  ["Bun", process.execPath],
  ["Node", node],
] as const) {
  test(`on ${name}: it says where it listens, streams, resets a connection, and SIGTERM ends it with 0`, async () => {
    const child = spawn(runtime, [main, "--port", "0", "--delay", "0"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stderr.resume();
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await firstLine(child.stdout))?.[0] ?? "";
    expect(textOf(await askEvents(url, "Привіт"))).toContain("жоден ШІ не відповідає");
    const reset = await watchCall(url, "Hello", { model: "gemini-2.5-flash--reset-midstream" });
    expect(reset).toMatchObject({ status: 200, ended: "reset", complete: false });
    const split = await watchCall(url, "Привіт", { model: "gemini-2.5-flash--split-utf8" });
    expect(split.reads.some((read) => read.toString().endsWith("\ufffd\r\n"))).toBe(true);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
}

test("a number that is none is named, and ends it with 1", async () => {
  const child = spawn(process.execPath, [main, "--port", "x"], { stdio: ["ignore", "ignore", "pipe"] });
  expect(await firstLine(child.stderr)).toStartWith('--port: "x" is not a whole number from 0 to 65535\n');
});

test("a wrong flag is named and ends it with 1", async () => {
  const child = spawn(process.execPath, [main, "--prot", "1"], { stdio: ["ignore", "ignore", "pipe"] });
  expect(await firstLine(child.stderr)).toContain("--prot");
  expect(await once(child, "exit")).toEqual([1, null]);
});
