// What the reader must know about the whole server: that no AI is answering, or that nobody is.

import { health, serverGone, text } from "../state.ts";
import { Icon } from "./icon.tsx";

export function Banners() {
  return (
    <>
      {health.value?.mode === "demo" && (
        <p class="banner demo" role="note">
          <Icon name="info" />
          <span>
            <strong>{text.value.demoBanner}</strong> {text.value.demoHow}
          </span>
        </p>
      )}
      {serverGone.value && (
        <p class="banner gone" role="alert">
          <Icon name="warning" /> {text.value.serverGone}
        </p>
      )}
    </>
  );
}
