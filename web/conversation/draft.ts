// What the reader has typed, and what was sent but not yet seen to arrive: both survive a reload.

import { stored } from "../shell/stored.ts";

const place = (sessionId: string | null) => sessionId ?? "new";

export const draft = {
  get: (sessionId: string | null): string => stored.get(`draft.${place(sessionId)}`) ?? "",
  set: (sessionId: string | null, text: string): void =>
    stored.set(`draft.${place(sessionId)}`, text === "" ? null : text),
};

/** A message on its way. Sent again with the same key, it is still one message to the server, and one bill. */
export interface Outgoing {
  key: string;
  content: string;
  parentId?: string | null;
  /** Only where this one answer is asked of another model. */
  model?: string;
}

export const outbox = {
  get(sessionId: string): Outgoing | null {
    try {
      return JSON.parse(stored.get(`outbox.${sessionId}`) ?? "null") as Outgoing | null;
    } catch {
      return null;
    }
  },
  set: (sessionId: string, outgoing: Outgoing | null): void =>
    stored.set(`outbox.${sessionId}`, outgoing && JSON.stringify(outgoing)),
};
