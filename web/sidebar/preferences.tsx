// The foot of the list: trash, documentation, language and colours.

import { Icon, type IconName } from "../shell/icon.tsx";
import { chooseLanguageByHand, chooseTheme, language, type Theme, text, theme } from "../shell/state.ts";
import { languages, names } from "../text/language.ts";
import { reloadSessions, sessions, trashShown } from "./sessions.ts";

const themeIcons: Record<Theme, IconName> = { system: "system", light: "sun", dark: "moon" };

export function Preferences() {
  const t = text.value;
  const themeNames: Record<Theme, string> = { system: t.themeSystem, light: t.themeLight, dark: t.themeDark };
  const toggleTrash = () => {
    trashShown.value = !trashShown.value;
    sessions.value = [];
    void reloadSessions();
  };
  return (
    <footer class="preferences">
      <button type="button" class="plain" aria-pressed={trashShown.value} onClick={toggleTrash}>
        <Icon name={trashShown.value ? "back" : "trash"} /> {trashShown.value ? t.backFromTrash : t.trash}
      </button>
      <a class="plain" href="/docs">
        <Icon name="book" /> {t.documentation}
      </a>
      <div class="choices">
        <fieldset>
          <legend class="hidden">{t.language}</legend>
          {languages.map((code) => (
            <button
              type="button"
              key={code}
              lang={code}
              aria-pressed={language.value === code}
              aria-label={names[code].name}
              title={names[code].name}
              onClick={() => chooseLanguageByHand(code)}
            >
              {names[code].short}
            </button>
          ))}
        </fieldset>
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
