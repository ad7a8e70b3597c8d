// Asks for the API key where the server wants one.

import { useSignal } from "@preact/signals";
import { apiKey } from "../api/api.ts";
import { Logo } from "./icon.tsx";
import { text } from "./state.ts";

export function KeyForm() {
  const words = useSignal("");
  const refused = apiKey.get() !== null;
  const submit = () => {
    if (words.value.trim() === "") return;
    apiKey.set(words.value.trim());
    location.reload();
  };
  return (
    <main class="key-page">
      <form
        class="key-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
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
        {refused && <p role="alert">{text.value.keyWrong}</p>}
        <button type="submit" class="button strong">
          {text.value.keyEnter}
        </button>
      </form>
    </main>
  );
}
