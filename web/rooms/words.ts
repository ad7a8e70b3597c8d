// The words of the rooms in the reader's language.

import { effect, signal } from "@preact/signals";
import { language } from "../shell/state.ts";
import { en, type RoomText } from "../text/rooms/en.ts";
import { loadRoomText } from "../text/rooms/load.ts";

/** English until those of the reader's language have come. */
export const words = signal<RoomText>(en);

effect(() => {
  const wanted = language.value;
  void loadRoomText(wanted).then((loaded) => {
    if (wanted === language.value) words.value = loaded;
  });
});
