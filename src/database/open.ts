// Opens the store that a DATABASE_URL names: the promises of store.ts over either engine.

import type { AuditStore } from "../caller/audit-store.ts";
import type { CallerStore } from "../caller/caller-store.ts";
import type { ExportStore } from "../conversation/export.ts";
import type { PurgeStore } from "../conversation/purge.ts";
import type { TitleStore } from "../conversation/title-store.ts";
import type { BudgetStore } from "../money/budget-store.ts";
import type { Store } from "../store.ts";
import { listAudit } from "./caller/audit.ts";
import { findKeyByHash, findKeyById, getKey, hasKeys, listKeys } from "./caller/key.ts";
import { findProject, listProjects } from "./caller/project.ts";
import { createRates } from "./caller/rate-store.ts";
import { findSessionUser } from "./caller/session-user.ts";
import { readCallerVersion } from "./caller/version.ts";
import { exportSession } from "./conversation/export.ts";
import { sumHidden } from "./conversation/hidden.ts";
import { createImportStore } from "./conversation/import-store.ts";
import { listBegunPurges, listErased, listPurgeable } from "./conversation/purge.ts";
import { listSessions } from "./conversation/session-list.ts";
import { hasTitleCalls, readTitleSource } from "./conversation/title.ts";
import type { Engine } from "./engine.ts";
import { findKey } from "./idempotency.ts";
import { findPlaceOf, findTurnMessages, listMessages, readHistory, readMemory } from "./message.ts";
import { listBudgets, listKeyLimits } from "./money/budget.ts";
import { findBudgets } from "./money/budget-counter.ts";
import { Follower } from "./money/follower.ts";
import { listEntries, sumBooks } from "./money/ledger.ts";
import { readQuoteBasis, readQuoteBudgets } from "./money/quote.ts";
import { findSeal, sealing } from "./money/seal.ts";
import { summing } from "./money/usage-roll.ts";
import { createUsageStore } from "./money/usage-store.ts";
import type { PostgresOptions } from "./postgres/postgres.ts";
import { hasUnsettled, readDeadTurn } from "./recovery.ts";
import { searchSessions } from "./search/search.ts";
import { findSession, findState } from "./session.ts";
import { openSqlite, type SqliteOptions } from "./sqlite/sqlite.ts";
import { findTurn, getTurn, listStopRequests, readTurnLog } from "./turn.ts";

export interface StoreOptions extends SqliteOptions, PostgresOptions {
  /** When idempotency keys are over; default: the system's clock. */
  now?: (() => number) | undefined;
}

/** How often expired idempotency keys are removed, at most. */
const sweepEveryMs = 60_000;

/**
 * Opens `sqlite:<file>` (made, with its folder, when missing) or `postgres://...`, and brings the schema up to date.
 * Throws storage_unavailable with a sentence for the operator: unreachable, locked by another process, or newer than this program.
 */
export async function openStore(databaseUrl: string, options: StoreOptions): Promise<Store> {
  const engine = await openEngine(databaseUrl, options);
  // A command beside a running server leaves adding up and sealing to that server.
  const now = options.now ?? Date.now;
  const behind: Behind = {};
  if (!options.readOnly && !options.beside) {
    behind.roller = new Follower(engine, summing, "rollUsage", now);
    behind.sealer = new Follower(engine, sealing, "sealEntries", now);
  }
  return createStore(engine, behind, options.processId, now);
}

export async function openEngine(databaseUrl: string, options: StoreOptions): Promise<Engine> {
  if (/^postgres(ql)?:\/\//.test(databaseUrl))
    return (await import("./postgres/postgres.ts")).openPostgres(databaseUrl, options);
  const file = /^sqlite:(?:\/\/)?(.+)$/.exec(databaseUrl)?.[1];
  if (file === undefined) throw new RangeError("DATABASE_URL must be sqlite:<file> or postgres://...");
  return openSqlite(file, options);
}

/** What is done behind the turns, where this process does it. */
interface Behind {
  roller?: Follower;
  sealer?: Follower;
}

function createStore(engine: Engine, { roller, sealer }: Behind, processId: number, now: () => number): Store {
  const { durable, committed } = engine;
  let sweptAt = 0;
  /** Old keys are removed beside the work of those who use keys; whoever brought this one does not wait for it. */
  const sweep = (at: number) => {
    if (at - sweptAt < sweepEveryMs) return;
    sweptAt = at;
    engine.write("sweepKeys", { at }).catch(() => {}); // the next one tries again
  };
  const { openTurn, ...rates } = createRates(engine, now);
  return {
    ...createCallerStore(engine, now),
    ...createTitleStore(engine),
    ...createImportStore(engine, processId),
    ...rates,
    ...createPurgeStore(engine),
    ...createBudgetStore(engine),
    readQuoteBasis: (question) => readQuoteBasis(durable, question),
    readQuoteBudgets: (holder, ask) => readQuoteBudgets(durable, { holder, ask }),
    createSession(owner, id, fields, at, idempotency) {
      if (idempotency) sweep(at);
      return engine.write("createSession", { owner, id, fields, at, idempotency });
    },
    findSession: (owner, id) => findSession(durable, owner, id),
    peekSession: (owner, id) => findState(committed, owner, id),
    listSessions: (owner, page) => listSessions(durable, owner, page),
    async searchSessions(owner, query, page) {
      await engine.settleSearch();
      return searchSessions(durable, owner, query, page);
    },
    updateSession: (owner, id, change, at, ifVersion) =>
      engine.write("updateSession", { owner, id, change, at, ifVersion }),
    trashSession: (owner, id, at, ifVersion) => engine.write("trashSession", { owner, id, at, ifVersion }),
    restoreSession: (owner, id, at) => engine.write("restoreSession", { owner, id, at, ifVersion: undefined }),

    listMessages: (owner, sessionId, page) => listMessages(durable, owner, sessionId, page),
    readHistory: (owner, sessionId, tip) => readHistory(durable, owner, sessionId, tip),
    sumHidden: (owner, sessionId, tip) => sumHidden(durable, owner, sessionId, tip),
    removeVersion: (owner, id, messageId, at, ifVersion) =>
      engine.write("removeVersion", { owner, id, messageId, at, ifVersion }),
    restoreVersion: (owner, id, messageId, at, ifVersion) =>
      engine.write("restoreVersion", { owner, id, messageId, at, ifVersion }),
    readMemory: (stretch) => readMemory(committed, stretch),
    findPlace: (owner, sessionId, messageId) => findPlaceOf(committed, owner, sessionId, messageId),

    openTurn(input) {
      if (input.idempotency) sweep(input.at);
      return openTurn(input);
    },
    appendEvents: (batch) => engine.write("appendEvents", { batch, processId }),
    noteCalls: (turnId, runner, calls) => engine.write("noteCalls", { turnId, processId: runner, calls }),
    closeTurn: (input) => engine.write("closeTurn", input),
    settleTurn: (turnId, runner, entries) => engine.write("settleTurn", { turnId, processId: runner, entries }),
    findTurn: (owner, id) => findTurn(durable, owner, id),
    getTurn: (owner, id) => getTurn(durable, owner, id),
    findTurnMessages: (owner, turnId) => findTurnMessages(durable, owner, turnId),
    readTurnLog: (owner, turnId, after) => readTurnLog(durable, owner, turnId, after),
    listEntries: (owner, turnId) => listEntries(durable, owner, turnId),
    findIdempotent: (owner, idempotency) => findKey(durable, owner, idempotency, now()),

    requestStop: (owner, turnId, hard) => engine.write("requestStop", { owner, turnId, hard }),
    listStopRequests: (runner) => listStopRequests(durable, runner),
    renewLease: (runner, turnIds, leaseMs) => engine.write("renewLease", { processId: runner, turnIds, leaseMs }),
    async claimDeadTurns(claimingProcess, known, leaseMs, limit) {
      if (!(await hasUnsettled(durable))) return []; // asked every second: where nothing runs, nothing is written
      return engine.write("claimDeadTurns", { processId: claimingProcess, known, leaseMs, limit });
    },
    readDeadTurn: (turnId) => readDeadTurn(durable, turnId),

    ...createUsageStore(engine, roller),
    sumBooks: () => sumBooks(durable),
    checkFiles: () => engine.checkFiles(),
    async checkWritable() {
      await engine.checkRoom();
      await engine.write("writeCheck", { at: now() });
    },
    backup: (file, progress) => engine.backup(file, progress),
    async findSeal(project) {
      await sealer?.settle();
      return findSeal(durable, project);
    },
    async close() {
      await roller?.close();
      await sealer?.close();
      await engine.close();
    },
  };
}

function createPurgeStore(engine: Engine): PurgeStore {
  const { durable } = engine;
  return {
    beginPurge: (input) => engine.write("beginPurge", input),
    beginVersionPurge: (input) => engine.write("beginVersionPurge", input),
    beginVersionPurges: (removedBefore, at) => engine.write("beginVersionPurges", { removedBefore, at }),
    purgeSome: (row) => engine.write("purgeSome", { row }),
    listBegunPurges: (limit) => listBegunPurges(durable, limit),
    listPurgeable: (filter, limit, after) => listPurgeable(durable, filter, limit, after),
    erasePerson: (step) => engine.write("erasePerson", step),
    forgetPerson: (by, user, at) => engine.write("forgetPerson", { by, user, at }),
    notePurges: (purged) => engine.write("notePurges", purged),
    listErased: (ids) => listErased(durable, ids),
  };
}

/** Who may call must not wait for the disk: a change is seen a moment before it is safe, never after. */
function createCallerStore(
  engine: Engine,
  now: () => number,
): CallerStore & AuditStore & Pick<Store, "createKey" | "updateKey"> {
  const { durable, committed } = engine;
  return {
    readCallerVersion: () => readCallerVersion(committed),
    findKeyByHash: (hash) => findKeyByHash(committed, hash),
    findKeyById: (id) => findKeyById(committed, id),
    hasKeys: (at) => hasKeys(committed, at),
    listKeys: (caller, page) => listKeys(durable, caller, page),
    getKey: (caller, id) => getKey(durable, caller, id),
    createKey: (maker, id, key, secret, at, limits) =>
      engine.write("createKey", { maker, id, key, secret, at, limits }),
    updateKey: (caller, id, change, limits) => engine.write("updateKey", { caller, id, change, at: now(), limits }),
    rotateKey: (caller, id, secret, oldUntil) => engine.write("rotateKey", { caller, id, secret, oldUntil, at: now() }),
    deleteKey: (caller, id, at) => engine.write("deleteKey", { caller, id, at }),
    touchKeys: (used) => engine.write("touchKeys", { used }),
    createProject: (maker, project) => engine.write("createProject", { maker, project }),
    findProject: (id) => findProject(durable, id),
    listProjects: (page) => listProjects(durable, page),
    updateProject: (caller, id, change) => engine.write("updateProject", { caller, id, change, at: now() }),
    takeTokenSecret: (candidate) => engine.write("takeTokenSecret", { candidate }),
    findSessionUser: (project, kind, id) => findSessionUser(committed, project, kind, id),

    noteAudit: (notes) => engine.write("noteAll", { notes }),
    listAudit: (caller, page) => listAudit(durable, caller, page),
  };
}

function createTitleStore(engine: Engine): TitleStore & ExportStore {
  const { durable } = engine;
  return {
    exportSession: (owner, id) => exportSession(durable, owner, id),
    readTitleSource: (owner, id) => readTitleSource(durable, owner, id),
    beginTitle: (input) => engine.write("beginTitle", input),
    noteTitleCalls: (session, processId, calls) => engine.write("noteTitleCalls", { session, processId, calls }),
    endTitle: (input) => engine.write("endTitle", input),
    async claimDeadTitles(processId, known, leaseMs) {
      if (!(await hasTitleCalls(durable))) return []; // asked every second: where nothing is made, nothing is written
      return engine.write("claimDeadTitles", { processId, known, leaseMs });
    },
  };
}

function createBudgetStore(engine: Engine): BudgetStore {
  return {
    findBudgets: (asker) => findBudgets(engine.committed, asker),
    listKeyLimits: (keyIds) => listKeyLimits(engine.durable, keyIds),
    listBudgets: (page) => listBudgets(engine.durable, page),
    putBudgets: (scope, limits, softPpm, by, at, version) =>
      engine.write("putBudgets", { ...scope, limits, softPpm, by, at, version }),
    increaseBudgets: (scope, pico, until, by, at, version) =>
      engine.write("increaseBudgets", { ...scope, pico, until, by, at, version }),
    deleteBudgets: (scope, by, at, version) => engine.write("deleteBudgets", { ...scope, by, at, version }),
  };
}
