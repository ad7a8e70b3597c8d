// The foot of the list: trash, documentation, language and colours.

import { isSignedIn, signOut } from "../api/sign-in.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { Icon, type IconName } from "../shell/icon.tsx";
import {
  chooseLanguageByHand,
  chooseTheme,
  language,
  type Room,
  room,
  showToast,
  type Theme,
  text,
  theme,
} from "../shell/state.ts";
import { type Language, languages, names } from "../text/language.ts";
import { openFile } from "./files.ts";
import { toggleTrash, trashShown } from "./sessions.ts";
import { notifying, toggleNotifying } from "./unread.ts";

const themeIcons: Record<Theme, IconName> = { system: "system", light: "sun", dark: "moon" };

async function leave(): Promise<void> {
  try {
    await signOut();
    location.reload();
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

function isOfServer(name: Room | null): boolean {
  return name !== null && name !== "usage";
}

export function Preferences() {
  const t = text.value;
  const themeNames: Record<Theme, string> = { system: t.themeSystem, light: t.themeLight, dark: t.themeDark };
  return (
    <footer class="preferences">
      <a class="plain" href="#/usage" aria-current={room.value === "usage" ? "page" : undefined}>
        <Icon name="bars" /> {t.usage}
      </a>
      <a class="plain" href="#/models" aria-current={isOfServer(room.value) ? "page" : undefined}>
        <Icon name="server" /> {t.server}
      </a>
      <button type="button" class="plain" aria-pressed={trashShown.value} onClick={toggleTrash}>
        <Icon name={trashShown.value ? "back" : "trash"} /> {trashShown.value ? t.backFromTrash : t.trash}
      </button>
      <label class="plain">
        <Icon name="open" /> {t.importFile}
        <input
          class="hidden"
          type="file"
          accept="application/json,.json"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            event.currentTarget.value = "";
            if (file) void openFile(file);
          }}
        />
      </label>
      <a class="plain" href="docs">
        <Icon name="book" /> {t.documentation}
      </a>
      {"Notification" in globalThis && (
        <button type="button" class="plain" aria-pressed={notifying.value} onClick={() => void toggleNotifying()}>
          <Icon name="bell" /> {notifying.value ? t.notifyOn : t.notify}
        </button>
      )}
      {isSignedIn() && (
        <button type="button" class="plain" onClick={() => void leave()}>
          <Icon name="leave" /> {t.signOut}
        </button>
      )}
      <div class="choices">
        <select
          aria-label={t.language}
          value={language.value}
          onChange={(event) => chooseLanguageByHand(event.currentTarget.value as Language)}
        >
          {languages.map((code) => (
            <option key={code} value={code} lang={code}>
              {names[code]}
            </option>
          ))}
        </select>
        <fieldset>
          <legend class="hidden">{t.theme}</legend>
          {(["system", "light", "dark"] as const).map((choice) => (
            <button
              type="button"
              key={choice}
              aria-pressed={theme.value === choice}
              aria-label={themeNames[choice]}
              title={themeNames[choice]}
              onClick={() => chooseTheme(choice)}
            >
              <Icon name={themeIcons[choice]} />
            </button>
          ))}
        </fieldset>
      </div>
    </footer>
  );
}
