// The emulator as a target of its own: keeps no calls, and answers all of them alike until told otherwise.

import { startEmulator } from "../emulator/emulator.ts";

const emulator = await startEmulator({ record: false });
console.log(`emulator listens on ${emulator.url}`);
process.on("SIGTERM", () => void emulator.close().then(() => process.exit(0)));
