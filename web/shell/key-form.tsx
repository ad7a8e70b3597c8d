// Asks for the API key where the server wants one.

import { useSignal } from "@preact/signals";
import { apiKey } from "../api/api.ts";
import { signIn } from "../api/sign-in.ts";
import { asApiError, describe } from "./errors.ts";
import { Logo } from "./icon.tsx";
import { text } from "./state.ts";

export function KeyForm() {
  const words = useSignal("");
  const remember = useSignal(false);
  const trouble = useSignal<string | null>(apiKey.get() === null ? null : text.value.keyWrong);
  const submit = async () => {
    const key = words.value.trim();
    if (key === "") return;
    try {
      if (await signIn(key, remember.value)) location.reload();
      else trouble.value = text.value.keyWrong;
    } catch (error) {
      trouble.value = describe(asApiError(error));
    }
  };
  return (
    <main class="key-page">
      <form
        class="key-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Logo />
        <h1>{text.value.keyTitle}</h1>
        <p class="quiet">{text.value.keyExplain}</p>
        <label>
          <span>{text.value.keyLabel}</span>
          <input
            type="password"
            autocomplete="current-password"
            value={words.value}
            ref={(input) => input?.focus()}
            onInput={(event) => (words.value = event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={remember.value}
            onChange={(event) => (remember.value = event.currentTarget.checked)}
          />
          <span>{text.value.keyRemember}</span>
        </label>
        {trouble.value && <p role="alert">{trouble.value}</p>}
        <button type="submit" class="button strong">
          {text.value.keyEnter}
        </button>
      </form>
    </main>
  );
}
