// Why a room shows nothing: what the caller's key may not do is said as such.

import type { ApiError } from "../api/api.ts";
import { words } from "../rooms/words.ts";
import { Icon } from "../shell/icon.tsx";
import { Problem } from "../shell/problem.tsx";

export function Refusal({ error }: { error: ApiError | null }) {
  if (!error) return null;
  if (error.status !== 403) return <Problem code={error.code} detail={error.message} fields={error.fields} />;
  return (
    <p class="note">
      <Icon name="info" /> <span>{words.value.notAllowed}</span>
    </p>
  );
}
