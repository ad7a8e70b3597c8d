// The foot of the list: trash, documentation, language and colours.

import { isSignedIn, signOut } from "../api/sign-in.ts";
import { IconButton } from "../shell/button.tsx";
import { asApiError, describe } from "../shell/errors.ts";
import { Icon, type IconName } from "../shell/icon.tsx";
import { may, mayOpen, me } from "../shell/me.ts";
import {
  addressOf,
  chooseLanguageByHand,
  chooseTheme,
  language,
  type Room,
  room,
  route,
  showToast,
  sought,
  type Theme,
  text,
  theme,
  trashShown,
} from "../shell/state.ts";
import { type Language, languages, names } from "../text/language.ts";
import { openFile } from "./files.ts";
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

interface RoomLinkProps {
  to: Room;
  icon: IconName;
  current: boolean;
  children: string;
}

/** Its place is kept until it is known whether the reader may go there. */
function RoomLink({ to, icon, current, children }: RoomLinkProps) {
  return (
    <a class="plain" href={`#/${to}`} aria-current={current ? "page" : undefined} data-pending={me.value === null}>
      <Icon name={icon} /> {children}
    </a>
  );
}

export function Preferences() {
  const t = text.value;
  const themeNames: Record<Theme, string> = { system: t.themeSystem, light: t.themeLight, dark: t.themeDark };
  return (
    <footer class="preferences">
      {(!me.value || mayOpen("usage")) && (
        <RoomLink to="usage" icon="bars" current={room.value === "usage"}>
          {t.usage}
        </RoomLink>
      )}
      <RoomLink to="models" icon="server" current={isOfServer(room.value)}>
        {may("admin") ? t.server : t.modelsAndPrices}
      </RoomLink>
      <a
        class="plain"
        href={addressOf(route.value, sought.value, !trashShown.value)}
        aria-current={trashShown.value ? "true" : undefined}
      >
        <Icon name={trashShown.value ? "back" : "trash"} /> {trashShown.value ? t.backFromTrash : t.trash}
      </a>
      <Seldom />
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

/** As icons, so that the foot leaves the room to the list. */
function Seldom() {
  const t = text.value;
  const notice = notifying.value ? t.notifyOn : t.notify;
  return (
    <div class="seldom">
      <label class="icon-button" title={t.importFile}>
        <Icon name="open" /> <span class="hidden">{t.importFile}</span>
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
      <a class="icon-button" href="docs" aria-label={t.documentation} title={t.documentation}>
        <Icon name="book" />
      </a>
      {"Notification" in globalThis && (
        <IconButton icon="bell" label={notice} pressed={notifying.value} onClick={() => void toggleNotifying()} />
      )}
      {isSignedIn() && <IconButton icon="leave" label={t.signOut} onClick={() => void leave()} />}
    </div>
  );
}
