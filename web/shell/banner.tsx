// What the reader must know about the whole server: that no AI is answering, or that nobody is.

import { IconButton } from "./button.tsx";
import { Icon } from "./icon.tsx";
import { text } from "./state.ts";

interface BannersProps {
  demo: boolean;
  gone: boolean;
  onCloseDemo(): void;
}

export function Banners({ demo, gone, onCloseDemo }: BannersProps) {
  return (
    <aside class="banners" aria-label={text.value.notices}>
      {demo && (
        <div class="banner demo">
          <Icon name="info" />
          <p>
            <strong>{text.value.demoBanner}</strong> {text.value.demoHow}
          </p>
          <IconButton icon="close" label={text.value.dismiss} onClick={onCloseDemo} />
        </div>
      )}
      <div role="status">
        {gone && (
          <p class="banner gone">
            <Icon name="info" /> {text.value.serverGone}
          </p>
        )}
      </div>
    </aside>
  );
}
