// What is known of the open conversation: its messages in pages, its session, how it is asked.

import { signal } from "@preact/signals";
import { type ApiError, api, untilAnswered } from "../api/api.ts";
import type { History, Session } from "../api/wire.ts";
import type { Shown } from "../message/shown.ts";
import { asApiError } from "../shell/errors.ts";
import { keyNeeded } from "../shell/state.ts";
import { forgetSession, noteSession } from "../sidebar/sessions.ts";
import { mergePage, pageSize, showPage } from "./history.ts";
import { fieldsOf, nextSetup, type Setup, setupOf } from "./setup.ts";

export class Talk {
  readonly id = signal<string | null>(null);
  readonly session = signal<Session | null>(null);
  readonly messages = signal<readonly Shown[]>([]);
  readonly loading = signal(false);
  readonly loadError = signal<ApiError | null>(null);
  /** What is on other branches; null while it is not known. */
  readonly hidden = signal<History["hidden"]>(null);
  readonly hasOlder = signal(false);
  /** How many messages were put before those that came first: what a message is counted from. */
  readonly prepended = signal(0);
  readonly loadingOlder = signal(false);
  readonly olderError = signal<ApiError | null>(null);
  /** The answer that is being written, if one is. */
  readonly running = signal<Shown | null>(null);
  /** What was written while an answer was running: it is sent when that has ended. */
  readonly waiting = signal<string | null>(null);
  /** Text that did not get through and belongs back into the composer. */
  readonly returned = signal<string | null>(null);
  /** How the next message is asked; of a conversation that has begun, its own. */
  readonly setup = signal<Setup>(nextSetup.get());
  protected readonly gone = new AbortController();

  /** Whether a message can be sent now: no answer is running, and the conversation is not in the trash. */
  get isFree(): boolean {
    return this.running.value === null && !this.session.value?.deleted_at;
  }

  /** Whether no other question follows. */
  isNewest(question: Shown): boolean {
    return this.messages.value.findLast((one) => one.message.value.role === "user") === question;
  }

  async loadOlder(): Promise<void> {
    const id = this.id.value;
    const first = this.messages.value.find((shown) => shown.message.value.id !== "");
    if (id === null || !first || !this.hasOlder.value || this.loadingOlder.value) return;
    this.loadingOlder.value = true;
    this.olderError.value = null;
    try {
      const after = first.message.value.id;
      const { signal: gone } = this.gone;
      const read = () => api.readHistory(id, { limit: pageSize, order: "desc", after }, gone);
      const page = await untilAnswered(read, gone);
      const older = await showPage(page);
      this.prepended.value += older.length;
      this.messages.value = [...older, ...this.messages.value];
      this.hasOlder.value = page.has_more;
    } catch (error) {
      if (!this.gone.signal.aborted) this.olderError.value = this.note(error);
    } finally {
      this.loadingOlder.value = false;
    }
  }

  /** Changes how the conversation is asked from its next message on. Throws ApiError. */
  async change(setup: Setup): Promise<void> {
    const fields = await fieldsOf(setup);
    if (this.id.value !== null) return this.noteSession(await api.changeSession(this.id.value, fields));
    this.setup.value = fields;
    nextSetup.set(fields);
  }

  protected merge(page: History): void {
    this.noteSession(page.session);
    this.hidden.value = page.hidden;
    const { messages, keptOlder } = mergePage(this.messages.value, page);
    this.messages.value = messages;
    if (!keptOlder) this.hasOlder.value = page.has_more;
  }

  protected noteSession(session: Session): void {
    this.session.value = session;
    this.setup.value = setupOf(session);
    if (session.deleted_at === null) noteSession(session);
  }

  protected note(error: unknown): ApiError {
    const known = asApiError(error);
    if (known.status === 401) keyNeeded.value = true;
    if (known.status === 404 && this.id.value !== null) forgetSession(this.id.value);
    return known;
  }
}
