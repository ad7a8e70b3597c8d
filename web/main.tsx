// The page starts here.

import { render } from "preact";
import { App } from "./app.tsx";
import { keepUpToDate } from "./conversation/current.ts";
import { keepForLater } from "./offline/register.ts";
import { readMe } from "./shell/me.ts";
import { checkHealth, loadWords } from "./shell/state.ts";
import { keepList, watchRunning } from "./sidebar/sessions.ts";
import { eraseLeft } from "./temporary/temporary.ts";

const root = document.getElementById("app");
if (root) {
  void checkHealth();
  void readMe();
  keepList();
  await loadWords();
  render(<App />, root);
  keepUpToDate();
  watchRunning();
  keepForLater();
  void eraseLeft();
}
