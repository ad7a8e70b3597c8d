// A message as the page shows it: what the server said of it, its rendered text, and what is going on with it now.

import { type Signal, signal } from "@preact/signals";
import type { ApiError } from "../api/api.ts";
import type { Connection } from "../api/stream.ts";
import type { Cost, Message, Notice, Usage } from "../api/wire.ts";
import { Prose } from "../prose/prose.ts";

/** What is known only while an answer runs, or just after. */
export interface Live {
  connection: Connection;
  stopping: boolean;
  usage: (Usage & { cost: Cost }) | null;
}

/** A message as it is shown. `key` stays the same from the moment it is sent until long after. */
export interface Shown {
  key: string;
  message: Signal<Message>;
  prose: Prose;
  thoughts: Prose;
  live: Signal<Live | null>;
  notices: Signal<readonly Notice[]>;
  finishReason: Signal<string | null>;
  /** The final bill of a stopped answer is still on its way. */
  settling: Signal<boolean>;
  /** How many characters at its end the server did not save, but the reader saw. */
  unsaved: Signal<number>;
  /** Why a message of the reader did not get through. */
  sendError: Signal<ApiError | null>;
}

/** A message from the server as it is shown. */
export function show(message: Message, key = message.id): Shown {
  const thoughts = message.parts.filter((part) => part.type === "thought").map((part) => part.text);
  const running = message.status === "running";
  // A running answer is read from its events, from the first one on: no gap, no repeat.
  const open = message.status !== "complete";
  const prose = new Prose(message.role === "user" || running ? "" : message.content, open);
  return {
    key,
    message: signal(message),
    prose,
    thoughts: new Prose(running ? "" : thoughts.join("\n\n"), open),
    live: signal(running ? { connection: "waiting", stopping: false, usage: null } : null),
    notices: signal(message.notices),
    finishReason: signal(message.finish_reason),
    settling: signal(false),
    unsaved: signal(0),
    sendError: signal(null),
  };
}

/** A message that the server does not know yet. */
export function localMessage(role: Message["role"], content: string, parentId: string | null): Message {
  return {
    id: "",
    object: "message",
    session_id: "",
    parent_id: parentId,
    turn_id: "",
    role,
    content,
    parts: [],
    status: role === "user" ? "complete" : "running",
    finish_reason: null,
    notices: [],
    model: null,
    usage: null,
    cost: null,
    error: null,
    created_at: new Date().toISOString(),
    siblings: { index: 1, count: 1, previous_id: null, next_id: null },
  };
}
