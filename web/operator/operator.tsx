// What those who run the server look after: models with their prices, keys, budgets, the audit, its health. Each asks for what it shows.

import { Frame } from "../rooms/frame.tsx";
import { words } from "../rooms/words.ts";
import type { Room } from "../shell/state.ts";
import { AuditView } from "./audit.tsx";
import { BudgetsView } from "./budgets.tsx";
import { HealthView } from "./health.tsx";
import { KeysView } from "./keys.tsx";
import { ModelsView } from "./models.tsx";

const views = {
  models: ModelsView,
  keys: KeysView,
  budgets: BudgetsView,
  audit: AuditView,
  health: HealthView,
} as const;
type View = keyof typeof views;
const order: readonly View[] = ["models", "keys", "budgets", "audit", "health"];

export function OperatorRoom({ room }: { room: Room }) {
  const current: View = order.find((view) => view === room) ?? "models";
  const Shown = views[current];
  return (
    <Frame title={words.value.server}>
      <nav class="room-tabs" aria-label={words.value.server}>
        {order.map((view) => (
          <a key={view} href={`#/${view}`} aria-current={view === current ? "page" : undefined}>
            {words.value[view]}
          </a>
        ))}
      </nav>
      <Shown key={current} />
    </Frame>
  );
}
