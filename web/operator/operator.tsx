// What those who run the server look after: models with their prices, keys, budgets, projects, the audit, its health. Each asks for what it shows.

import { Frame } from "../rooms/frame.tsx";
import { words } from "../rooms/words.ts";
import { listOwnRooms } from "../shell/me.ts";
import type { Room } from "../shell/state.ts";
import { AuditView } from "./audit.tsx";
import { BudgetsView } from "./budgets.tsx";
import { HealthView } from "./health.tsx";
import { KeysView } from "./keys.tsx";
import { ModelsView } from "./models.tsx";
import { ProjectsView } from "./projects.tsx";

const views = {
  models: ModelsView,
  keys: KeysView,
  budgets: BudgetsView,
  projects: ProjectsView,
  audit: AuditView,
  health: HealthView,
} as const;
type View = keyof typeof views;

const isView = (room: Room): room is View => room in views;

export function OperatorRoom({ room }: { room: Room }) {
  const current: View = isView(room) ? room : "models";
  const Shown = views[current];
  const tabs = (
    <nav class="room-tabs" aria-label={words.value.server}>
      {listOwnRooms()
        .filter(isView)
        .map((view) => (
          <a key={view} href={`#/${view}`} aria-current={view === current ? "page" : undefined}>
            {words.value[view]}
          </a>
        ))}
    </nav>
  );
  return (
    <Frame room={current} title={words.value.server} tabs={tabs}>
      <Shown key={current} />
    </Frame>
  );
}
