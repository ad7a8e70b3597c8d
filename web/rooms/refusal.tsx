// Why a room shows nothing: what the caller's key may not do is said as such.

import type { ApiError } from "../api/api.ts";
import { Icon } from "../shell/icon.tsx";
import { Problem } from "../shell/problem.tsx";
import { words } from "./words.ts";

export function Refusal({ error }: { error: ApiError | null }) {
  if (!error) return null;
  if (error.status === 403) return <NotAllowed />;
  return <Problem code={error.code} detail={error.message} fields={error.fields} />;
}

export function NotAllowed() {
  return (
    <div class="note">
      <Icon name="info" />
      <div>
        <p>{words.value.notAllowed}</p>
        <p class="quiet">{words.value.notAllowedMore}</p>
      </div>
    </div>
  );
}
