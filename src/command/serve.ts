// `rozmova serve`: the server until a signal ends it.

import { demoHint, loadConfig } from "../config.ts";
import { serve, version } from "../main.ts";

/** Starts the server and says where it is; returns while it runs. */
export async function runServer(flags: string[]): Promise<void> {
  const config = loadConfig(flags);
  const server = await serve(config);
  console.error(`Rozmova ${version} listens on ${server.url}  (API documentation: ${server.url}/docs)`);
  if (server.mode === "demo") console.error(`DEMO MODE. ${demoHint}`);
  if (config.insecureNoAuth) console.error("WARNING: no key is asked of anybody who reaches this port.");
  stopOnSignal(() => server.stop());
}

/** The first signal ends the server in good order, a second one at once; recovery at the next start does the rest. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      console.error("Stopping: running answers may finish; a second signal stops at once.");
      stop().then(
        () => process.exit(0),
        (cause) => {
          console.error(cause);
          process.exit(1);
        },
      );
    });
  }
}
