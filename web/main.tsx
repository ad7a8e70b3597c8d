// The page starts here.

import { render } from "preact";
import { keepUpToDate } from "./current.ts";
import { reloadSessions, watchRunning } from "./sessions.ts";
import { checkHealth } from "./state.ts";
import { App } from "./view/app.tsx";

const root = document.getElementById("app");
if (root) {
  render(<App />, root);
  void checkHealth();
  void reloadSessions();
  keepUpToDate();
  watchRunning();
}
