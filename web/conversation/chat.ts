// The open conversation at work: sending, following the answer that is written, stopping, catching up.

import { type ApiError, api, untilAnswered } from "../api/api.ts";
import { type Connection, type FollowOptions, followTurn } from "../api/stream.ts";
import type { History, Session, TurnEvent } from "../api/wire.ts";
import { localMessage, type Shown, show } from "../message/shown.ts";
import { noteEnd, noteProgress, noteStart } from "../message/turn-events.ts";
import { asApiError } from "../shell/errors.ts";
import { announcement, goTo, text } from "../shell/state.ts";
import { tellOtherTabs } from "../sidebar/sessions.ts";
import { answerEnded } from "../sidebar/unread.ts";
import { eraseTemporary, isTemporary, nextIsTemporary, noteTemporary, temporaryMark } from "../temporary/temporary.ts";
import { BranchedTalk } from "./branched.ts";
import { draft, type Outgoing, outbox } from "./draft.ts";
import { findStored, pageSize, showPage } from "./history.ts";
import { awaitSettled, readTurnOf } from "./settle.ts";
import { fieldsOf } from "./setup.ts";

export class Chat extends BranchedTalk {
  #follow: AbortController | undefined;
  #creating: { key: string; session?: Session } | undefined;
  #keptKey: Outgoing | null = null;
  #keyCount = 0;

  constructor(id: string | null) {
    super();
    this.id.value = id;
    if (id !== null) void this.load();
  }

  /** The reader goes elsewhere: stop following, unless the turn's start is not confirmed yet. The turn itself goes on. */
  leave(): void {
    this.gone.abort();
    if (this.waiting.value !== null) draft.set(this.id.value, this.waiting.value);
    const running = this.running.value;
    if (running?.message.value.turn_id !== "") this.#follow?.abort();
    if (this.session.value && isTemporary(this.session.value)) void eraseTemporary(this.session.value.id);
  }

  async load(): Promise<void> {
    const id = this.id.value;
    if (id === null) return;
    this.loading.value = true;
    this.loadError.value = null;
    try {
      const page = await api.readHistory(id, { limit: pageSize, order: "desc" }, this.gone.signal);
      const shown = await showPage(page);
      if (this.gone.signal.aborted) return;
      this.noteSession(page.session);
      this.messages.value = shown;
      this.hasOlder.value = page.has_more;
      this.hidden.value = page.hidden;
      this.#joinRunning();
      this.#recoverOutgoing(id);
      void this.#readLastTurn();
    } catch (error) {
      if (!this.gone.signal.aborted) this.loadError.value = this.note(error);
    } finally {
      this.loading.value = false;
    }
  }

  /** Catches up with what happened elsewhere: another tab, another program. */
  async refresh(): Promise<void> {
    const id = this.id.value;
    if (id === null || this.running.value || this.loading.value || this.loadError.value) return;
    let page: History;
    try {
      page = await api.readHistory(id, { limit: pageSize, order: "desc" }, this.gone.signal);
    } catch {
      return;
    }
    if (this.running.value || page.session.version === this.session.value?.version) return;
    this.merge(page);
    this.#joinRunning();
  }

  /** Sends a message and follows its answer; while another answer runs, it waits for that. Resolves when the answer has ended. */
  async send(content: string, parentId?: string | null, model?: string): Promise<void> {
    if (this.running.value) {
      this.waiting.value = this.waiting.value === null ? content : `${this.waiting.value}\n\n${content}`;
      return;
    }
    const kept = this.#keptKey?.content === content && this.#keptKey.parentId === parentId ? this.#keptKey : null;
    const outgoing: Outgoing = kept?.model === model && kept ? kept : { key: crypto.randomUUID(), content };
    if (parentId !== undefined) outgoing.parentId = parentId;
    if (model !== undefined) outgoing.model = model;
    const before = parentId ?? this.messages.value.at(-1)?.message.value.id ?? null;
    const question = show(localMessage("user", content, before), `local-${++this.#keyCount}`);
    await this.#sendShown(question, outgoing);
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    const content = this.waiting.value;
    if (content === null || this.running.value) return;
    this.waiting.value = null;
    if (this.messages.value.at(-1)?.sendError.value) this.returned.value = content;
    else void this.send(content);
  }

  /** What waits to be sent goes back into the composer. */
  takeBack(): void {
    this.returned.value = this.waiting.value;
    this.waiting.value = null;
  }

  /** Asks again, of another model where one is named. What is there makes room and stays, as another version. */
  async retry(shown: Shown, model?: string): Promise<void> {
    const { messages } = this;
    const at = messages.value.indexOf(shown);
    const question = shown.message.value.role === "user" ? shown : messages.value[at - 1];
    if (this.running.value || !question || question.message.value.role !== "user") return;
    await this.replace(question, question.message.value.content, model);
  }

  /** Sends these words in the place of a question: another version of it, or, where they are the same, of its answer. */
  async replace(question: Shown, content: string, model?: string): Promise<void> {
    const { id, parent_id } = question.message.value;
    if (id !== "") this.offerWayBack();
    this.messages.value = this.messages.value.slice(0, this.messages.value.indexOf(question));
    await this.send(content, id === "" ? this.#keptKey?.parentId : parent_id, model);
    if (id !== "") await this.refreshVersions();
  }

  async #sendShown(question: Shown, outgoing: Outgoing): Promise<void> {
    const answer = show(localMessage("assistant", "", null), `local-${++this.#keyCount}`);
    this.messages.value = [...this.messages.value, question, answer];
    this.running.value = answer;
    this.#keptKey = outgoing;
    this.#follow = new AbortController();
    try {
      const id = await this.#ensureSession();
      outbox.set(id, outgoing);
      const body = {
        content: outgoing.content,
        ...("parentId" in outgoing ? { parent_id: outgoing.parentId ?? null } : {}),
        ...(outgoing.model === undefined ? {} : { model: outgoing.model }),
      };
      await this.#run(answer, question, { post: (signal) => api.postMessage(id, body, outgoing.key, signal) });
    } catch (error) {
      if (this.messages.value.includes(answer)) await this.#sendFailed(question, answer, this.note(error));
    }
  }

  /** A conversation exists on the server from its first message on. */
  async #ensureSession(): Promise<string> {
    if (this.id.value !== null) return this.id.value;
    this.#creating ??= { key: crypto.randomUUID() };
    const temporary = nextIsTemporary.value;
    const setup = await fieldsOf(this.setup.value);
    const fields = temporary ? { ...setup, metadata: temporaryMark } : setup;
    const { key } = this.#creating;
    const onSilence = () => this.#noteConnection("lost");
    const session = await untilAnswered(() => api.createSession(fields, key), this.#follow?.signal, onSilence);
    this.id.value = session.id;
    if (temporary) noteTemporary(session.id);
    nextIsTemporary.value = false;
    this.noteSession(session);
    draft.set(null, "");
    if (!this.gone.signal.aborted) goTo(session.id, true);
    return session.id;
  }

  async #sendFailed(question: Shown, answer: Shown, error: ApiError): Promise<void> {
    const id = this.id.value;
    this.running.value = null;
    if (error.code !== "network") this.#keptKey = null; // the server has answered: the next attempt is a new request
    const stored = error.status >= 500 && id !== null ? await findStored(id, question, this.messages.value) : null;
    if (stored && id !== null) {
      outbox.set(id, null);
      return this.merge(stored);
    }
    this.messages.value = this.messages.value.filter((shown) => shown !== answer);
    question.sendError.value = error;
    if (error.code !== "network" && id !== null) outbox.set(id, null);
    if (error.code === "turn_in_progress") void this.refresh();
  }

  #joinRunning(): void {
    const turnId = this.session.value?.running_turn_id;
    if (!turnId || this.running.value) return;
    const answer = this.messages.value.findLast((shown) => shown.message.value.turn_id === turnId && shown.live.value);
    if (!answer) return;
    this.running.value = answer;
    this.#follow = new AbortController();
    this.#run(answer, null, { turnId }).then(
      () => this.#sendWaiting(),
      (error) => {
        this.running.value = null;
        this.loadError.value = this.note(error);
      },
    );
  }

  async #run(answer: Shown, question: Shown | null, from: Pick<FollowOptions, "post" | "turnId">): Promise<void> {
    this.#follow ??= new AbortController();
    const { signal } = this.#follow;
    const onConnection = (connection: Connection) => this.#noteConnection(connection);
    for await (const event of followTurn({ ...from, signal, onConnection })) this.#take(event, answer, question);
  }

  #noteConnection(connection: Connection): void {
    const live = this.running.value?.live;
    if (live?.value) live.value = { ...live.value, connection };
  }

  #take(event: TurnEvent, answer: Shown, question: Shown | null): void {
    if (event.type === "turn-start") this.#started(event, answer, question);
    else if (event.type === "turn-end") this.#ended(event, answer);
    else noteProgress(event, answer);
  }

  #started(event: TurnEvent & { type: "turn-start" }, answer: Shown, question: Shown | null): void {
    noteStart(event, answer, question);
    if (question) {
      this.#keptKey = null;
      outbox.set(event.session_id, null);
      announcement.value = text.value.answerStarted;
      tellOtherTabs(event.session_id);
      void this.#refreshSession(event.session_id);
    }
    if (this.gone.signal.aborted) this.#follow?.abort();
  }

  async #refreshSession(id: string): Promise<void> {
    const session = await api.getSession(id).catch(() => null);
    if (session && this.running.value) this.noteSession(session);
  }

  #ended(event: TurnEvent & { type: "turn-end" }, answer: Shown): void {
    const { turn, reply, session } = event;
    noteEnd(turn, reply, answer);
    this.running.value = null;
    this.noteSession(session);
    answerEnded(session);
    tellOtherTabs(session.id);
    void this.#announce(answer);
    if (!turn.settled) void awaitSettled(answer, turn, this.gone.signal).then((later) => this.#noteLater(later));
  }

  /** The finished answer as the words it shows, not as its Markdown. */
  async #announce(answer: Shown): Promise<void> {
    await answer.prose.ready;
    announcement.value = `${text.value.answerDone} ${answer.prose.words(300)}`;
  }

  async #readLastTurn(): Promise<void> {
    const answer = this.messages.value.at(-1);
    if (!answer || answer.live.value || answer.message.value.role !== "assistant") return;
    this.#noteLater(await readTurnOf(answer, this.gone.signal));
  }

  #noteLater(session: Session | null): void {
    if (session && !this.running.value && !this.gone.signal.aborted) this.noteSession(session);
  }

  /** Stops the answer; where it could not even be asked for yet, takes the question back. */
  async stop(): Promise<void> {
    const answer = this.running.value;
    const turnId = answer?.message.value.turn_id;
    if (!answer?.live.value) return;
    if (!turnId) return this.#withdraw(answer);
    answer.live.value = { ...answer.live.value, stopping: true };
    try {
      await api.stopTurn(turnId);
    } catch (error) {
      if (answer.live.value) answer.live.value = { ...answer.live.value, stopping: false };
      throw asApiError(error);
    }
  }

  #withdraw(answer: Shown): void {
    if (answer.live.value?.connection !== "lost") return;
    const at = this.messages.value.indexOf(answer);
    this.returned.value = this.messages.value[at - 1]?.message.value.content ?? null;
    this.messages.value = this.messages.value.slice(0, Math.max(0, at - 1));
    this.running.value = null;
    if (this.id.value !== null) outbox.set(this.id.value, null);
    this.#follow?.abort();
  }

  /** After a reload: what was on its way either is in the history by now, or is sent again under its own key: it is one message. */
  #recoverOutgoing(id: string): void {
    const outgoing = outbox.get(id);
    if (!outgoing) return;
    outbox.set(id, null);
    const newest = this.messages.value.findLast((shown) => shown.message.value.role === "user");
    if (newest?.message.value.content === outgoing.content) return;
    this.#keptKey = outgoing;
    this.returned.value = outgoing.content;
  }
}
