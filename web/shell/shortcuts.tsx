// What the sheet of shortcuts says, opened with "?".

import { text } from "./state.ts";

export function Shortcuts() {
  const t = text.value.keys;
  const keys: [string, string][] = [
    ["Ctrl K", t.palette],
    ["Ctrl Shift O", t.newConversation],
    ["Ctrl B", t.list],
    ["/", t.search],
    ["Enter", t.send],
    ["Shift Enter", t.line],
    ["↑", t.edit],
    ["Esc", t.stop],
    ["j  k", t.turns],
    ["PgUp  PgDn", t.read],
    ["F2  p  Del", t.rows],
    ["?", t.sheet],
  ];
  return (
    <dl class="shortcuts">
      {keys.map(([key, what]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
