// A room while it is being loaded, and when it is there.

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Problem } from "../shell/problem.tsx";
import { type Room, text } from "../shell/state.ts";

type View = ComponentType<{ room: Room }>;

async function load(room: Room): Promise<View> {
  if (room === "usage") return (await import("../usage/usage.tsx")).UsageRoom;
  return (await import("../operator/operator.tsx")).OperatorRoom;
}

export function RoomView({ room }: { room: Room }) {
  const view = useSignal<View | null>(null);
  const failed = useSignal(false);
  const isUsage = room === "usage";
  useEffect(() => {
    view.value = null;
    failed.value = false;
    load(room).then(
      (loaded) => {
        view.value = loaded;
      },
      () => {
        failed.value = true;
      },
    );
  }, [isUsage]);
  const View = view.value;
  if (failed.value) return <Problem code="network" detail="" />;
  if (!View) return <p class="room-loading quiet">{text.value.loading}</p>;
  return <View room={room} />;
}
