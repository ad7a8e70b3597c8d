// The server's health, looked at again while it is open: what answers, who may call, whether it can be written to, which models end soon.

import { useEffect } from "preact/hooks";
import { type PricedModel, roomApi } from "../api/rooms.ts";
import { useAsked } from "../rooms/asked.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { asApiError } from "../shell/errors.ts";
import { me } from "../shell/me.ts";
import { Problem } from "../shell/problem.tsx";
import { locale } from "../shell/state.ts";
import { printNumber } from "../text/text.ts";
import { printDay } from "../text/time.ts";

const againMs = 5_000;
const soonMs = 60 * 86_400_000;

export function HealthView() {
  const asked = useAsked("health", async (signal) => {
    const [health, trouble] = await Promise.all([
      roomApi.health(signal),
      roomApi.ready(signal).then(() => null, asApiError),
    ]);
    return { health, trouble };
  });
  const models = useAsked("models", (signal) => roomApi.listModels(signal));
  useEffect(() => {
    const timer = setInterval(() => document.hidden || asked.reload(), againMs);
    return () => clearInterval(timer);
  }, []);
  const t = words.value;
  if (!asked.value) return <Refusal error={asked.error} />;
  const { health, trouble } = asked.value;
  const facts: [string, string][] = [
    [t.mode, health.mode === "live" ? t.live : t.demo],
    [t.storage, trouble ? "—" : t.ready],
    [t.running, printNumber(locale.value, health.running_turns)],
    [t.access, me.value?.key_needed ? t.keyNeeded : t.keyNotNeeded],
    [t.defaultModel, health.default_model],
    [t.version, health.version],
  ];
  return (
    <>
      <Refusal error={asked.error} />
      {trouble && <Problem code={trouble.code} detail={trouble.message} />}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <Ending models={models.value?.data ?? []} />
      </dl>
      {health.hint && (
        <p class="quiet lead" lang="en">
          {health.hint}
        </p>
      )}
    </>
  );
}

function Ending({ models }: { models: readonly PricedModel[] }) {
  const soon = new Date(Date.now() + soonMs).toISOString();
  const ending = models.filter(({ retired, retires_on }) => !retired && retires_on !== null && retires_on < soon);
  const t = words.value;
  if (ending.length === 0) return null;
  return (
    <div>
      <dt>{t.endSoon}</dt>
      <dd>
        {ending.map(({ id, display_name, retires_on, successor }) => (
          <span key={id} class="retires">
            {display_name}: {printDay(locale.value, retires_on ?? "")}
            {successor && ` → ${successor}`}
          </span>
        ))}
      </dd>
    </div>
  );
}
