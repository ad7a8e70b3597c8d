// What the reader must know about the whole server: that no AI is answering, or that nobody is.

import { Icon } from "./icon.tsx";
import { health, narrow, serverGone, text } from "./state.ts";

export function Banners() {
  return (
    <>
      {health.value?.mode === "demo" && (
        <div class="banner demo" role="note">
          <Icon name="info" />
          {narrow.value ? (
            <details>
              <summary>
                <strong>{text.value.demoBanner}</strong>
              </summary>
              {text.value.demoHow}
            </details>
          ) : (
            <p>
              <strong>{text.value.demoBanner}</strong> {text.value.demoHow}
            </p>
          )}
        </div>
      )}
      {serverGone.value && (
        <p class="banner gone" role="alert">
          <Icon name="warning" /> {text.value.serverGone}
        </p>
      )}
    </>
  );
}
