// Door 2: what storage must do; database/ keeps these promises on SQLite and on Postgres alike. Read `Store`, at the end, first.
//
// Every write is one transaction, durable when its promise resolves. `owner` is the caller's project;
// what belongs to another one is `not_found`. Times are milliseconds since 1970 UTC.

import type { AuditStore } from "./caller/audit-store.ts";
import type { Caller } from "./caller/caller.ts";
import type { CallerStore } from "./caller/caller-store.ts";
import type { HashedSecret, Key, KeyChange, NewKey } from "./caller/key.ts";
import type { Drawn, TurnRate } from "./caller/rate.ts";
import type { RateStore } from "./caller/rate-store.ts";
import type { ExportStore } from "./conversation/export.ts";
import type { ImportStore } from "./conversation/import.ts";
import type { Calibration } from "./conversation/memory.ts";
import type { Message, Siblings } from "./conversation/message.ts";
import type { PastTurn } from "./conversation/path.ts";
import type { PurgeStore } from "./conversation/purge.ts";
import type { Session } from "./conversation/session.ts";
import type { TitleStore } from "./conversation/title-store.ts";
import type { Ask, BudgetLimit, Held, StandingBudgets } from "./money/budget.ts";
import type { BudgetStore } from "./money/budget-store.ts";
import type { BegunCall, Cost, LedgerEntry } from "./money/ledger.ts";
import type { QuoteStore } from "./money/quote/quote-store.ts";
import type { SealStore } from "./money/seal-store.ts";
import type { Counted } from "./money/usage.ts";
import type { UsageStore } from "./money/usage-store.ts";
import type { EventBatch, LoggedEvent } from "./turn/event.ts";
import type { EndStatus, Turn } from "./turn/turn.ts";

export interface Page {
  limit: number;
  after?: string | undefined;
  before?: string | undefined;
  /** In a list whose items move: where the cursor stood, ms since 1970; without it, where it stands now. */
  at?: number | undefined;
}
/** Which sessions are meant: all that are, or are not, in the trash, or those of one user, or some of them. */
export interface SessionFilter {
  deleted: boolean;
  user?: string | undefined;
  ids?: readonly string[] | undefined;
  pinned?: boolean | undefined;
}
export interface SessionPage extends Page, SessionFilter {
  /** `updated` (default): by the newest message, in the trash by when they were put there. `created`: as they were made. */
  order?: "updated" | "created" | undefined;
}
export interface Listed<T> {
  data: T[];
  hasMore: boolean;
}
/** `snippet` has the matched words between U+E000 and U+E001; the wire turns them into what it needs. */
export interface FoundSession extends Session {
  snippet: string | null;
  /** The message that the snippet is from; null for a title. */
  messageId: string | null;
}

export interface SessionFields extends Pick<Session, "title" | "model" | "system" | "params" | "metadata"> {
  user?: string | null;
}
export interface SessionChange extends Partial<SessionFields> {
  pinned?: boolean | undefined;
  /** A message: the path goes through it from now on, down to the newest that follows it. */
  tip?: string | undefined;
}
/** The turns of a session that are not on its path, and what they cost. */
export interface HiddenTurns {
  turns: number;
  cost: Cost;
}
export interface Idempotency {
  key: string;
  bodyHash: string;
  expiresAt: number;
}

/**
 * A session with what a turn needs of it beyond what callers see. It holds as long as the session has this `version`: a
 * write that names the version needs to read nothing, and knows what the session is afterwards.
 */
export interface SessionState extends Session {
  /** Its number in its table. */
  row: number;
  /** Where the newest turn stands: its branch, and its place on the path, from 0; -1 in an empty session. */
  tipBranch: number;
  tipPosition: number;
  /** The newest turn's row, where there is one and it is known. */
  tipRow: number | null;
  branchCount: number;
  /** The place of the turn where memory begins. */
  memoryFrom: number;
  memoryEstimate: number;
  memoryTokens: number;
  /** The newest message; null in an empty session. */
  tipMessageId: string | null;
}
/** The session, or the budgets, are others than those a turn was decided on by: read them again. Nothing was written. */
export class StaleSession extends Error {}

export interface OpenTurn {
  owner: string;
  sessionId: string;
  /** The session as the caller decided on this turn by it; without it, it is read. */
  known: SessionState | undefined;
  /** From `newId`: the ids of its messages are made from it. */
  turnId: string;
  content: string;
  /** The message this one follows: undefined = the newest; null = start a new path from the beginning. */
  parentId: string | null | undefined;
  /** Refuses with version_mismatch unless the session is at this version. */
  ifVersion: number | undefined;
  modelRequested: string;
  /** Whom the turn is for, and the key that it was asked for with. */
  user?: string | null;
  keyId?: string | null;
  /** What it draws on the key's limits; undefined where there are none. */
  rate?: TurnRate | undefined;
  idempotency: Idempotency | undefined;
  /**
   * What the turn asks of its budgets, and those that concern it as far as they are known: as long as they are these, and there is room
   * for all that it asks, nothing is read of them. Unknown, they are looked at. StaleSession where they are others by now, or where
   * there are budgets and nothing is asked.
   */
  ask?: Ask | undefined;
  budgets?: StandingBudgets | undefined;
  at: number;
  /** The process that runs the turn, and for how long it is believed without a sign of life, by the database's clock. */
  processId: number;
  leaseMs: number;
}
/** `replayed`: the idempotency key was used before, with the same body; nothing was written. */
export type OpenedTurn = OpenedRecord | { kind: "replayed"; turnId: string };
export interface OpenedRecord extends Held {
  kind: "opened";
  session: SessionState;
  turn: Turn;
  userMessage: Message;
  /** Of the reply: they change only with another turn of the session. */
  siblings: Siblings;
  /** The turn's number in its table, where it is known. */
  row: number | undefined;
  /** What was drawn for it. */
  drawn?: Drawn[] | undefined;
}

/**
 * A stretch of a session's path: of the session with this row, on the way that ends on `branch`, the turns from place `from` up to,
 * and without, `position`.
 */
export interface Stretch {
  session: number;
  branch: number;
  position: number;
  from: number;
}

/** Where a message stands; `role` says which of the turn's two it is. */
export interface MessagePlace {
  turnRow: number;
  branch: number;
  position: number;
  role: Message["role"];
}

export interface CloseTurn
  extends Pick<Turn, "modelServed" | "finishReason" | "error" | "notices" | "firstTokenAt" | "settled"> {
  owner: string;
  /** As openTurn left it. What the caller does not know of it is read; siblings are not, and then its reply has none. */
  opened: Pick<OpenedRecord, "turn"> & Partial<OpenedRecord>;
  question: string;
  processId: number;
  status: EndStatus;
  text: string;
  thought: string;
  vendorParts: string | null;
  endedAt: number;
  /** Events not yet in the log, and the number of the `turn-end` event that follows them. */
  lastBatch: EventBatch | null;
  lastNumber: number;
  /** The bookings; with `settled: false` what they would be by now: settleTurn brings them later. */
  entries: LedgerEntry[];
  /** An idempotency key that is let go of: the same request is a new try. */
  releaseKey?: string | null;
  memory: { from: number; promptEstimate: number; promptTokens: number | null } | null;
}
export interface ClosedTurn {
  turn: Turn;
  reply: Message;
  session: Session;
}

/** As the store gives it to whoever has ended the turn. */
export type StoredEnd = ClosedTurn & { session: SessionState };

export interface TurnLog {
  turn: Turn;
  /** Those behind the number that was asked for, without a gap. */
  events: LoggedEvent[];
  /** Whether there are more events, after the last of these. */
  hasMore: boolean;
  /** Number of `turn-end`, once there is one. */
  lastNumber: number | null;
}
/** A turn whose process is gone, now ours, with all that was saved of it. */
export interface DeadTurn {
  owner: string;
  turn: Turn;
  question: string;
  /** The way to it, and how far the last estimate was from the vendor's count. */
  memory: Stretch & Calibration;
  /** All calls that it is known to have begun, where they are more than the one that every turn makes at its start. */
  calls: readonly BegunCall[] | null;
  system: string | null;
  /** What arrived, as far as it can be read. What is longer than any answer that is taken in is cut off; its tokens are counted. */
  text: string;
  thought: string;
  /** In `estimateTokens`' tokens. */
  textEstimate: number;
  thoughtEstimate: number;
  nextNumber: number;
  usageRaw: string | null;
  counted: Counted | null;
  modelServed: string | null;
}
export interface StopRequest {
  turnId: string;
  hard: boolean;
}
/** Sums over the whole database, for checking the books against each other. */
export interface BookTotals {
  entries: number;
  entriesTotal: bigint;
  sessionsTotal: bigint;
  turnsTotal: bigint;
  runningTurns: number;
}

/** With the shares that stand in the rooms that they belong to: `caller/caller-store.ts`, `conversation/title-store.ts` and so on. */
export interface Store
  extends CallerStore,
    AuditStore,
    PurgeStore,
    TitleStore,
    ExportStore,
    ImportStore,
    RateStore,
    BudgetStore,
    UsageStore,
    QuoteStore,
    SealStore {
  /** `limits`: its budget, made with it. forbidden (it may do more than its maker) | not_found (the project). */
  createKey(
    maker: Caller,
    id: string,
    key: NewKey,
    secret: HashedSecret,
    at: number,
    limits?: readonly BudgetLimit[],
  ): Promise<Key>;
  /** The key and, where they are given, its limits, or neither. not_found | forbidden. */
  updateKey(caller: Caller, id: string, change: KeyChange, limits?: readonly BudgetLimit[]): Promise<Key>;

  createSession(
    owner: string,
    id: string,
    fields: SessionFields,
    at: number,
    idempotency?: Idempotency,
  ): Promise<Session>;
  findSession(owner: string, id: string): Promise<Session | undefined>;
  /** The same for what only goes into a write: never waits for the disk, and may show what is not safe there yet. */
  peekSession(owner: string, id: string): Promise<SessionState | undefined>;
  listSessions(owner: string, page: SessionPage): Promise<Listed<Session>>;
  searchSessions(owner: string, query: string, page: Page & SessionFilter): Promise<Listed<FoundSession>>;
  /** not_found | version_mismatch | with `tip` also turn_in_progress. Returns the session as it is after the change. */
  updateSession(owner: string, id: string, change: SessionChange, at: number, ifVersion?: number): Promise<Session>;
  trashSession(owner: string, id: string, at: number, ifVersion?: number): Promise<Session>;
  restoreSession(owner: string, id: string, at: number): Promise<Session>;

  /** A page of the path to `tip`, or to the newest message of the current branch. not_found when a cursor is not on it. */
  listMessages(
    owner: string,
    sessionId: string,
    page: Page & { order: "asc" | "desc"; tip?: string | undefined },
  ): Promise<Listed<Message>>;
  /** The whole path in order, a bounded number of messages at a time. */
  readHistory(owner: string, sessionId: string, tip?: string): AsyncIterable<Message[]>;
  /** What is not on that path. */
  sumHidden(owner: string, sessionId: string, tip?: string): Promise<HiddenTurns>;
  /**
   * One version of what was said, with all that follows it, is found no more until it is taken back; its cost stays. Where it is on the current
   * path, that goes through its neighbour then. not_found | turn_in_progress | version_mismatch | conflict (in the trash, or the only version).
   */
  removeVersion(owner: string, sessionId: string, messageId: string, at: number, ifVersion?: number): Promise<Session>;
  /** The path goes through it again; nothing changes where it was not deleted. Otherwise the same. */
  restoreVersion(owner: string, sessionId: string, messageId: string, at: number, ifVersion?: number): Promise<Session>;
  readMemory(stretch: Stretch): Promise<readonly PastTurn[]>;
  /** Where a message's turn stands; undefined for what is not in this session. */
  findPlace(owner: string, sessionId: string, messageId: string): Promise<MessagePlace | undefined>;

  /**
   * not_found | turn_in_progress | conflict (in the trash) | version_mismatch | idempotency_mismatch | RateLimited | budget_exceeded |
   * unpriced_model, or StaleSession.
   * Asked again with the same turn id (a broken line had kept the answer), it finds what the first one opened.
   */
  openTurn(input: OpenTurn): Promise<OpenedTurn>;
  appendEvents(batch: EventBatch): Promise<void>;
  /** Writes down all calls of a running turn, before another one is sent. Throws conflict when the turn is over or another process's. */
  noteCalls(turnId: string, processId: number, calls: readonly BegunCall[]): Promise<void>;
  /** Ends a running turn, once. Undefined when it was not running or is not this process's any more: nothing was written. */
  closeTurn(input: CloseTurn): Promise<StoredEnd | undefined>;
  /** Books a turn closed with `settled: false`, once; nothing if it is settled already or another process's. */
  settleTurn(turnId: string, processId: number, entries: LedgerEntry[]): Promise<boolean>;
  /** Also of one that was deleted with its version: for the books. */
  findTurn(owner: string, id: string): Promise<Turn | undefined>;
  /** not_found, which says so where the turn was deleted with its version. */
  getTurn(owner: string, id: string): Promise<Turn>;
  /** Undefined for what was deleted, like the log. */
  findTurnMessages(owner: string, turnId: string): Promise<{ userMessage: Message; reply: Message } | undefined>;
  /** The turn and its log after event number `after`. */
  readTurnLog(owner: string, turnId: string, after: number): Promise<TurnLog | undefined>;
  listEntries(owner: string, turnId: string): Promise<LedgerEntry[]>;
  findIdempotent(owner: string, idempotency: Idempotency): Promise<{ targetId: string } | undefined>;

  /** Leaves word for the process that runs the turn. False when it is no longer running or settling. */
  requestStop(owner: string, turnId: string, hard: boolean): Promise<boolean>;
  listStopRequests(processId: number): Promise<StopRequest[]>;
  /** For the turns that the process really runs: one that it does not know of is left to be claimed. */
  renewLease(processId: number, turnIds: readonly string[], leaseMs: number): Promise<void>;
  /**
   * Takes over turns that nobody runs any more: those of processes that are gone and whose lease is over, and the caller's own
   * whose lease is over and which it does not know of. Each goes to one caller only. At most `limit`; call again until none. Returns their ids.
   */
  claimDeadTurns(processId: number, known: readonly string[], leaseMs: number, limit: number): Promise<string[]>;
  /** All that was saved of a turn that the caller has claimed. */
  readDeadTurn(turnId: string): Promise<DeadTurn>;

  sumBooks(): Promise<BookTotals>;
  /** SQLite: throws storage_unavailable, with a sentence for the operator, while the files are not those that were opened. */
  checkFiles(): Promise<void>;
  /** Throws storage_unavailable unless a write would go through. */
  checkWritable(): Promise<void>;
  /** A consistent copy while running (SQLite only; Postgres has its own tools). */
  backup(file: string, progress?: (done: number, total: number) => void): Promise<void>;
  close(): Promise<void>;
}
