// The server's health: what answers, what it writes at this moment, and whether it can be written to.

import { roomApi } from "../api/rooms.ts";
import { useAsked } from "../rooms/asked.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { asApiError } from "../shell/errors.ts";
import { Problem } from "../shell/problem.tsx";
import { locale } from "../shell/state.ts";
import { printNumber } from "../text/text.ts";

export function HealthView() {
  const asked = useAsked("health", async (signal) => {
    const [health, trouble] = await Promise.all([
      roomApi.health(signal),
      roomApi.ready(signal).then(() => null, asApiError),
    ]);
    return { health, trouble };
  });
  const t = words.value;
  if (!asked.value) return <Refusal error={asked.error} />;
  const { health, trouble } = asked.value;
  const facts: [string, string][] = [
    [t.mode, health.mode === "live" ? t.live : t.demo],
    [t.version, health.version],
    [t.defaultModel, health.default_model],
    [t.running, printNumber(locale.value, health.running_turns)],
    [t.storage, trouble ? "—" : t.ready],
  ];
  return (
    <>
      {trouble && <Problem code={trouble.code} detail={trouble.message} />}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {health.hint && (
        <p class="quiet" lang="en">
          {health.hint}
        </p>
      )}
    </>
  );
}
