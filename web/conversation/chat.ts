// One open conversation: its history in pages, the answer being written, sending, stopping, catching up.

import { signal } from "@preact/signals";
import { type ApiError, api } from "../api/api.ts";
import { type Connection, type FollowOptions, followTurn } from "../api/stream.ts";
import type { History, Session, Turn, TurnEvent } from "../api/wire.ts";
import { announcement, goTo, keyNeeded, text } from "../shell/state.ts";
import { asApiError, forgetSession, noteSession, tellOtherTabs } from "../sidebar/sessions.ts";
import { draft, type Outgoing, outbox } from "./draft.ts";
import { localMessage, type Shown, show } from "./shown.ts";

const pageSize = 50;
/** Messages are put on the page when they have been read, so that they do not grow under the reader's eyes; but not later than this. */
const readWithinMs = 400;

async function readSoon(messages: readonly Shown[]): Promise<void> {
  const all = Promise.all(messages.map(({ prose }) => prose.ready));
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, readWithinMs))]);
}

export class Chat {
  readonly id = signal<string | null>(null);
  readonly session = signal<Session | null>(null);
  readonly messages = signal<readonly Shown[]>([]);
  readonly loading = signal(false);
  readonly loadError = signal<ApiError | null>(null);
  readonly hasOlder = signal(false);
  readonly loadingOlder = signal(false);
  readonly olderError = signal<ApiError | null>(null);
  /** The answer that is being written, if one is. */
  readonly running = signal<Shown | null>(null);
  /** Text that did not get through and belongs back into the composer. */
  readonly returned = signal<string | null>(null);
  readonly #gone = new AbortController();
  #follow: AbortController | undefined;
  #creating: { key: string; session?: Session } | undefined;
  #keptKey: Outgoing | null = null;
  #keyCount = 0;

  constructor(id: string | null) {
    this.id.value = id;
    if (id !== null) void this.load();
  }

  /** Whether a message can be sent now: no answer is running, and the conversation is not in the trash. */
  get isFree(): boolean {
    return this.running.value === null && !this.session.value?.deleted_at;
  }

  /** The reader goes elsewhere: stop following, unless the turn's start is not confirmed yet. The turn itself goes on. */
  leave(): void {
    this.#gone.abort();
    const running = this.running.value;
    if (running?.message.value.turn_id !== "") this.#follow?.abort();
  }

  async load(): Promise<void> {
    const id = this.id.value;
    if (id === null) return;
    this.loading.value = true;
    this.loadError.value = null;
    try {
      const page = await api.readHistory(id, { limit: pageSize, order: "desc" }, this.#gone.signal);
      const shown = page.data.toReversed().map((message) => show(message));
      await readSoon(shown);
      if (this.#gone.signal.aborted) return;
      this.session.value = page.session;
      this.messages.value = shown;
      this.hasOlder.value = page.has_more;
      if (page.session.deleted_at === null) noteSession(page.session);
      this.#recoverOutgoing(id);
      this.#joinRunning();
      void this.#readLastTurn();
    } catch (error) {
      if (!this.#gone.signal.aborted) this.loadError.value = this.#note(error);
    } finally {
      this.loading.value = false;
    }
  }

  async loadOlder(): Promise<void> {
    const id = this.id.value;
    const first = this.messages.value.find((shown) => shown.message.value.id !== "");
    if (id === null || !first || !this.hasOlder.value || this.loadingOlder.value) return;
    this.loadingOlder.value = true;
    this.olderError.value = null;
    try {
      const after = first.message.value.id;
      const page = await api.readHistory(id, { limit: pageSize, order: "desc", after }, this.#gone.signal);
      const older = page.data.toReversed().map((message) => show(message));
      await readSoon(older);
      this.messages.value = [...older, ...this.messages.value];
      this.hasOlder.value = page.has_more;
    } catch (error) {
      if (!this.#gone.signal.aborted) this.olderError.value = this.#note(error);
    } finally {
      this.loadingOlder.value = false;
    }
  }

  /** Catches up with what happened elsewhere: another tab, another program. */
  async refresh(): Promise<void> {
    const id = this.id.value;
    if (id === null || this.running.value || this.loading.value || this.loadError.value) return;
    let page: History;
    try {
      page = await api.readHistory(id, { limit: pageSize, order: "desc" }, this.#gone.signal);
    } catch {
      return;
    }
    if (this.running.value || page.session.version === this.session.value?.version) return;
    this.#merge(page);
    this.#joinRunning();
  }

  #merge(page: History): void {
    this.session.value = page.session;
    noteSession(page.session);
    const known = new Map(this.messages.value.map((shown) => [shown.message.value.id, shown]));
    const fresh = page.data.toReversed().map((message) => {
      const shown = known.get(message.id);
      if (!shown || shown.message.value.status !== message.status) return show(message);
      shown.message.value = message;
      return shown;
    });
    const first =
      fresh[0] && this.messages.value.findIndex((shown) => shown.message.value.id === fresh[0]?.message.value.id);
    const older = typeof first === "number" && first > 0 ? this.messages.value.slice(0, first) : [];
    this.messages.value = [...older, ...fresh];
    if (older.length === 0) this.hasOlder.value = page.has_more;
  }

  /** Sends a message and follows its answer. Resolves when the answer has ended or could not begin. */
  async send(content: string, parentId?: string | null): Promise<void> {
    if (this.running.value) return;
    const kept = this.#keptKey?.content === content && this.#keptKey.parentId === parentId ? this.#keptKey : null;
    const outgoing: Outgoing = kept ?? { key: crypto.randomUUID(), content };
    if (parentId !== undefined) outgoing.parentId = parentId;
    const before = parentId ?? this.messages.value.at(-1)?.message.value.id ?? null;
    const question = show(localMessage("user", content, before), `local-${++this.#keyCount}`);
    await this.#sendShown(question, outgoing);
  }

  /** Asks again: what did not get through is sent again under the same key, what failed later takes a new path. */
  async retry(shown: Shown): Promise<void> {
    const { messages } = this;
    const at = messages.value.indexOf(shown);
    const question = shown.message.value.role === "user" ? shown : messages.value[at - 1];
    if (this.running.value || !question || question.message.value.role !== "user") return;
    const { content, id, parent_id } = question.message.value;
    messages.value = messages.value.slice(0, messages.value.indexOf(question));
    await this.send(content, id === "" ? this.#keptKey?.parentId : parent_id);
  }

  /** Sends other words in the place of an earlier message; what followed it stays on the server, on its own path. */
  async replace(question: Shown, content: string): Promise<void> {
    const { id, parent_id } = question.message.value;
    this.messages.value = this.messages.value.slice(0, this.messages.value.indexOf(question));
    await this.send(content, id === "" ? undefined : parent_id);
  }

  async #sendShown(question: Shown, outgoing: Outgoing): Promise<void> {
    const answer = show(localMessage("assistant", "", null), `local-${++this.#keyCount}`);
    this.messages.value = [...this.messages.value, question, answer];
    this.running.value = answer;
    this.#keptKey = outgoing;
    try {
      const id = await this.#ensureSession();
      outbox.set(id, outgoing);
      const body = {
        content: outgoing.content,
        ...("parentId" in outgoing ? { parent_id: outgoing.parentId ?? null } : {}),
      };
      await this.#run(answer, question, { post: (signal) => api.postMessage(id, body, outgoing.key, signal) });
    } catch (error) {
      await this.#sendFailed(question, answer, this.#note(error));
    }
  }

  /** A conversation exists on the server from its first message on. */
  async #ensureSession(): Promise<string> {
    if (this.id.value !== null) return this.id.value;
    this.#creating ??= { key: crypto.randomUUID() };
    const session = await api.createSession({}, this.#creating.key);
    this.session.value = session;
    this.id.value = session.id;
    noteSession(session);
    draft.set(null, "");
    if (!this.#gone.signal.aborted) goTo(session.id, true);
    return session.id;
  }

  async #sendFailed(question: Shown, answer: Shown, error: ApiError): Promise<void> {
    const id = this.id.value;
    this.running.value = null;
    if (error.code !== "network") this.#keptKey = null; // the server has answered: the next attempt is a new request
    if (error.status >= 500 && id !== null && (await this.#showStored(id, question))) return;
    this.messages.value = this.messages.value.filter((shown) => shown !== answer);
    question.sendError.value = error;
    if (error.code !== "network" && id !== null) outbox.set(id, null);
    if (error.code === "turn_in_progress") void this.refresh();
  }

  /** A turn that failed before its first word is kept in the history: show it from there, with its error. */
  async #showStored(id: string, question: Shown): Promise<boolean> {
    try {
      const page = await api.readHistory(id, { limit: pageSize, order: "desc" });
      const newest = page.data[1];
      const known = this.messages.value.some((shown) => shown.message.value.id === newest?.id);
      if (newest?.role !== "user" || newest.content !== question.message.value.content || known) return false;
      this.#merge(page);
      outbox.set(id, null);
      return true;
    } catch {
      return false;
    }
  }

  #joinRunning(): void {
    const turnId = this.session.value?.running_turn_id;
    if (!turnId || this.running.value) return;
    const answer = this.messages.value.findLast((shown) => shown.message.value.turn_id === turnId && shown.live.value);
    if (!answer) return;
    this.running.value = answer;
    this.#run(answer, null, { turnId }).catch((error) => {
      this.running.value = null;
      this.loadError.value = this.#note(error);
    });
  }

  async #run(answer: Shown, question: Shown | null, from: Pick<FollowOptions, "post" | "turnId">): Promise<void> {
    this.#follow = new AbortController();
    const { signal } = this.#follow;
    const onConnection = (connection: Connection) => {
      if (answer.live.value) answer.live.value = { ...answer.live.value, connection };
    };
    for await (const event of followTurn({ ...from, signal, onConnection })) this.#take(event, answer, question);
  }

  #take(event: TurnEvent, answer: Shown, question: Shown | null): void {
    if (event.type === "text-delta") answer.prose.append(event.text);
    else if (event.type === "thought-delta") answer.thoughts.append(event.text);
    else if (event.type === "usage") {
      if (answer.live.value) answer.live.value = { ...answer.live.value, usage: event };
    } else if (event.type === "turn-start") this.#started(event, answer, question);
    else this.#ended(event, answer);
  }

  #started(event: TurnEvent & { type: "turn-start" }, answer: Shown, question: Shown | null): void {
    const { turn_id, session_id, user_message_id, reply_message_id, model } = event;
    const common = { turn_id, session_id };
    answer.message.value = { ...answer.message.value, ...common, id: reply_message_id, model };
    if (question) {
      question.message.value = { ...question.message.value, ...common, id: user_message_id };
      this.#keptKey = null;
      outbox.set(session_id, null);
      announcement.value = text.value.answerStarted;
      tellOtherTabs(session_id);
      void this.#refreshSession(session_id);
    }
    if (this.#gone.signal.aborted) this.#follow?.abort();
  }

  async #refreshSession(id: string): Promise<void> {
    const session = await api.getSession(id).catch(() => null);
    if (!session || !this.running.value) return;
    noteSession(session);
    this.session.value = session;
  }

  #ended(event: TurnEvent & { type: "turn-end" }, answer: Shown): void {
    const { turn, reply, session } = event;
    answer.message.value = reply;
    answer.notices.value = turn.notices;
    answer.finishReason.value = turn.finish_reason;
    answer.prose.finish(reply.content, reply.status !== "complete");
    answer.thoughts.finish(undefined, reply.status !== "complete");
    answer.live.value = null;
    this.running.value = null;
    this.session.value = session;
    noteSession(session);
    tellOtherTabs(session.id);
    announcement.value = `${text.value.answerDone} ${reply.content.slice(0, 300)}`;
    if (!turn.settled) void this.#awaitSettled(answer, turn.id, session.id);
  }

  /** What the history does not say of the newest answer: why it ended, who took whose place, whether its bill is final. */
  async #readLastTurn(): Promise<void> {
    const answer = this.messages.value.at(-1);
    if (!answer || answer.live.value || answer.message.value.role !== "assistant") return;
    const turn = await api.getTurn(answer.message.value.turn_id, this.#gone.signal).catch(() => null);
    if (!turn) return;
    answer.notices.value = turn.notices;
    answer.finishReason.value = turn.finish_reason;
    if (!turn.settled) await this.#awaitSettled(answer, turn.id, turn.session_id);
  }

  /** A stopped turn's bill may still be on its way: ask until it is there. */
  async #awaitSettled(answer: Shown, turnId: string, sessionId: string): Promise<void> {
    answer.settling.value = true;
    for (let wait = 500; wait < 20_000 && !this.#gone.signal.aborted; wait *= 1.6) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const turn: Turn | null = await api.getTurn(turnId, this.#gone.signal).catch(() => null);
      if (!turn?.settled) continue;
      answer.settling.value = false;
      answer.message.value = { ...answer.message.value, usage: turn.usage, cost: turn.cost };
      const session = await api.getSession(sessionId).catch(() => null);
      if (!session || this.running.value) return;
      this.session.value = session;
      noteSession(session);
      return;
    }
  }

  async stop(): Promise<void> {
    const answer = this.running.value;
    const turnId = answer?.message.value.turn_id;
    if (!answer?.live.value || !turnId) return;
    answer.live.value = { ...answer.live.value, stopping: true };
    try {
      await api.stopTurn(turnId);
    } catch (error) {
      if (answer.live.value) answer.live.value = { ...answer.live.value, stopping: false };
      throw asApiError(error);
    }
  }

  /** After a reload: what was on its way either is in the history by now, or goes back into the composer. */
  #recoverOutgoing(id: string): void {
    const outgoing = outbox.get(id);
    if (!outgoing) return;
    outbox.set(id, null);
    const newest = this.messages.value.findLast((shown) => shown.message.value.role === "user");
    if (newest?.message.value.content === outgoing.content) return;
    this.#keptKey = outgoing;
    this.returned.value = outgoing.content;
  }

  #note(error: unknown): ApiError {
    const known = asApiError(error);
    if (known.status === 401) keyNeeded.value = true;
    if (known.status === 404 && this.id.value !== null) forgetSession(this.id.value);
    return known;
  }
}
