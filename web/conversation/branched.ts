// Versions of what was said: another one is chosen, and what the others have cost is known.

import { signal } from "@preact/signals";
import { api } from "../api/api.ts";
import type { Message, Quote } from "../api/wire.ts";
import type { Shown } from "../message/shown.ts";
import { quoteAgain } from "../quote/again.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { focusField } from "../shell/focus.ts";
import { goTo, showToast, text } from "../shell/state.ts";
import { tellOtherTabs } from "../sidebar/sessions.ts";
import { noteKept } from "../temporary/temporary.ts";
import { pageSize } from "./history.ts";
import { Talk } from "./talk.ts";

/** How many pages are read for a message that stands far from the end. */
const mostPages = 100;

export abstract class BranchedTalk extends Talk {
  /** Grows when the view must stay where it is, though what follows changes. */
  readonly held = signal(0);

  abstract stop(): Promise<void>;

  /** A temporary conversation is kept. Throws ApiError. */
  async keep(): Promise<void> {
    const session = this.session.value;
    if (!session) return;
    const { temporary: _, ...metadata } = session.metadata;
    const kept = await api.changeSession(session.id, { metadata });
    noteKept(session.id);
    this.noteSession(kept);
    tellOtherTabs(session.id);
  }

  /** The path goes through this message from now on. Throws ApiError. */
  async goThrough(messageId: string): Promise<void> {
    const id = this.id.value;
    if (id === null || this.running.value) return;
    await api.changeSession(id, { tip: messageId });
    await this.#arrive(id, messageId);
  }

  /** The path has changed: it goes through this message now. */
  async #arrive(id: string, messageId: string): Promise<void> {
    const page = await api.readHistory(id, { limit: pageSize, order: "desc" }, this.gone.signal);
    if (this.gone.signal.aborted) return;
    this.held.value++;
    this.merge(page);
    tellOtherTabs(id);
    const known = () => this.messages.value.some(({ message }) => message.value.id === messageId);
    if (known()) return;
    for (let pages = 0; pages < mostPages && !known() && this.hasOlder.value; pages++) await this.loadOlder();
    goTo(id, true, messageId);
  }

  /** The same for a button. */
  showVersion(messageId: string): Promise<void> {
    return this.#try(() => this.goThrough(messageId));
  }

  /** A version goes, with all that follows it, and its neighbour takes its place; the way back is offered. */
  async removeVersion({ id: messageId, siblings }: Message): Promise<void> {
    const id = this.id.value;
    const neighbour = siblings.previous_id ?? siblings.next_id;
    if (id === null || neighbour === null || this.running.value) return;
    await this.#try(async () => {
      await api.removeVersion(id, messageId);
      showToast(text.value.versionRemoved, {
        label: text.value.undo,
        run: () => void this.#try(() => this.#takeBackVersion(id, messageId)),
      });
      await this.#arrive(id, neighbour);
    });
    focusField();
  }

  async #takeBackVersion(id: string, messageId: string): Promise<void> {
    await this.untilFree();
    await api.restoreVersion(id, messageId);
    await this.#arrive(id, messageId);
  }

  /** What goes wrong is said. */
  async #try(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      if (!this.gone.signal.aborted) showToast(describe(asApiError(error)));
    }
  }

  /** What another answer in the place of this one would cost. */
  async quoteAgain(answer: Shown, model: string): Promise<Quote | null> {
    const question = this.messages.value[this.messages.value.indexOf(answer) - 1]?.message.value;
    return question?.role === "user" ? quoteAgain(this.session.value?.version ?? 0, question, model) : null;
  }

  /** What was said until now makes room for another version: the way back to it is offered. */
  protected offerWayBack(): void {
    const newest = this.messages.value.findLast(({ message }) => message.value.id !== "")?.message.value.id;
    if (newest !== undefined)
      showToast(text.value.versionKept, { label: text.value.undo, run: () => void this.#goBack(newest), last: true });
  }

  async #goBack(messageId: string): Promise<void> {
    if (this.running.value) await this.stop().catch(() => {});
    await this.untilFree();
    await this.showVersion(messageId);
  }

  /** Resolves when no answer runs any more. */
  protected untilFree(): Promise<void> {
    if (!this.running.value) return Promise.resolve();
    return new Promise((resolve) => {
      const done = this.running.subscribe((running) => {
        if (running) return;
        resolve();
        queueMicrotask(() => done());
      });
    });
  }

  /** A turn that began a branch has changed what stands beside its messages, and what is hidden. */
  protected async refreshVersions(): Promise<void> {
    const id = this.id.value;
    if (id === null) return;
    const page = await api.readHistory(id, { limit: 2, order: "desc" }, this.gone.signal).catch(() => null);
    if (!page || this.running.value) return;
    this.hidden.value = page.hidden;
    for (const message of page.data) {
      const shown = this.messages.value.find((one) => one.message.value.id === message.id);
      if (shown) shown.message.value = { ...shown.message.value, siblings: message.siblings };
    }
  }
}
