// Tokens: what a server of the operator's gives its browsers and apps instead of a key. How they are made, and one to try.

import { useSignal } from "@preact/signals";
import { roomApi } from "../api/rooms.ts";
import { words } from "../rooms/words.ts";
import { CopyButton } from "../shell/button.tsx";
import { may } from "../shell/me.ts";
import { locale } from "../shell/state.ts";
import { fill } from "../text/text.ts";
import { printDateTime } from "../text/time.ts";
import { type Field, FormDialog, listOf } from "./form.tsx";
import { SecretDialog } from "./secret.tsx";

const hours = [1, 8, 24] as const;

/** What a server sends, with its key. */
function exampleCall(): string {
  const address = new URL("tokens", document.baseURI).href;
  const body = JSON.stringify({ user: "customer-17", ttl_seconds: 3600 });
  return `curl ${address} -H 'Authorization: Bearer rz-…' -H 'Content-Type: application/json' -d '${body}'`;
}

export function Tokens() {
  const making = useSignal(false);
  const made = useSignal<{ token: string; expires_at: string } | null>(null);
  const t = words.value;
  const scopes = (["chat", "read"] as const).filter(may);
  const fields: readonly Field[] = [
    { name: "user", label: t.groups.user, required: true, more: t.tokenUserMore },
    { name: "hours", label: t.goodFor, kind: "choice", options: hours.map((n) => [`${n}`, printHours(n)]) },
    { name: "scopes", label: t.scopes, kind: "checks", options: scopes.map((scope) => [scope, t.scopeNames[scope]]) },
  ];
  return (
    <details class="more-of-room">
      <summary>{t.tokens}</summary>
      <p>{t.tokensMore}</p>
      <p class="quiet">{t.tokensSigned}</p>
      <div class="example">
        <code>{exampleCall()}</code>
        <CopyButton read={exampleCall} label={t.copyCall} />
      </div>
      <button type="button" class="button" onClick={() => (making.value = true)}>
        {t.newToken}
      </button>
      {making.value && (
        <FormDialog
          title={t.newToken}
          submit={t.createToken}
          start={{ hours: "1", scopes: scopes.join(" ") }}
          fields={() => fields}
          onSubmit={async ({ user = "", hours: chosen, scopes: held }) => {
            made.value = await roomApi.createToken({
              user: user.trim(),
              ttl_seconds: Number(chosen) * 3_600,
              scopes: listOf(held),
            });
            making.value = false;
          }}
          onClose={() => (making.value = false)}
        />
      )}
      {made.value && (
        <SecretDialog
          title={t.newToken}
          more={fill(t.tokenOnce, { date: printDateTime(locale.value, made.value.expires_at) })}
          secret={made.value.token}
          copy={t.copyToken}
          onDone={() => (made.value = null)}
        />
      )}
    </details>
  );
}

function printHours(n: number): string {
  return new Intl.NumberFormat(locale.value, { style: "unit", unit: "hour", unitDisplay: "long" }).format(n);
}
