// The emulator as a command: `--port 8001 --host 127.0.0.1 --delay 15`.

import { parseArgs } from "node:util";
import { startEmulator } from "./emulator.ts";

const usage = `Usage: emulator [--port 8001] [--host 127.0.0.1] [--delay 15]

A stand-in for the Gemini API. --delay is the pause between the events of a stream, in milliseconds.
`;

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8001" },
      host: { type: "string", default: "127.0.0.1" },
      delay: { type: "string", default: "15" },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const emulator = await startEmulator({
    port: readWhole("--port", values.port, 65_535),
    host: values.host,
    chunkDelayMs: readWhole("--delay", values.delay, 60_000),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(
    `The Gemini emulator listens on ${emulator.url} (no AI is answering).\n` +
      `Use it:      GEMINI_API_KEY=any GEMINI_BASE_URL=${emulator.url} npm start\n` +
      `Break it:    GEMINI_MODEL=gemini-2.5-flash--overloaded-503 ALLOW_UNPRICED_MODELS=yes, or POST ${emulator.url}/emulator/play\n` +
      `All faults:  ${emulator.url}/emulator/faults\n`,
  );
  const stop = () => void emulator.close().then(() => process.exit(0));
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

function readWhole(flag: string, text: string, most: number): number {
  if (/^\d+$/.test(text) && Number(text) <= most) return Number(text);
  throw new Error(`${flag}: "${text}" is not a whole number from 0 to ${most}`);
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}`);
  process.exitCode = 1;
});
