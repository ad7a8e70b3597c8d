// Purging: every word of a session, or of a deleted version in it, goes, and what it cost stays. As data, and what storage must do for it.

/** By whom, for the audit. */
export interface Purger {
  project: string;
  /** Null: no key was needed, or the server itself sweeps the trash. */
  keyId: string | null;
  /** Manages the project: with a person's name go the limits that were set for it. Nobody gets rid of their own. */
  manages?: boolean;
}

export interface BeginPurge {
  by: Purger;
  /** The session's id. */
  id: string;
  at: number;
  /** Refuses with version_mismatch unless the session is at this version. */
  ifVersion?: number | undefined;
  /** Only what has been in the trash since then or longer: whoever takes a session back keeps it. In ms. */
  trashedBefore?: number | undefined;
  /** This user is erased: the name goes from the session, too. */
  person?: string | undefined;
  /** One of many: the audit is told of them together, and what is not there any more is no error. */
  quietly?: boolean | undefined;
}

/** One version of what was said in a session, with all that follows it. */
export interface BeginVersionPurge extends Pick<BeginPurge, "by" | "id" | "at"> {
  messageId: string;
  ifVersion: number | undefined;
}

/**
 * `begun`: it reads as not_found from now on, and its turns' words are taken by `purgeSome`. `busy`: it is in the trash, or deleted, where no turn begins, and
 * this one must end first, its bill included. `gone`: it was purged before (`row`), or is not what was asked for any more.
 */
export type BegunPurge =
  | { kind: "begun"; row: number; messages: number }
  | { kind: "busy"; turnId: string }
  | { kind: "gone"; row: number | undefined };

/** Which sessions are meant by a purge of many. */
export interface PurgeFilter {
  /** Undefined: every project's, which only the trash can be asked for. */
  project?: string | undefined;
  user?: string | undefined;
  /** Only what has been in the trash since then or longer. In ms; undefined: in the trash or not. */
  trashedBefore?: number | undefined;
}

export interface Purgeable {
  id: string;
  project: string;
}

/** Words said for a person in other people's sessions, or in nobody's: looked for in turns after this row. */
export interface PersonStep {
  project: string;
  user: string;
  after: number;
}

export interface PersonStepResult {
  /** Where to go on. */
  after: number;
  /** Which sessions have lost words, and how many messages. */
  sessions: string[];
  messages: number;
  done: boolean;
  /** A turn that must end first. */
  busy?: string;
}

export interface PurgedMany {
  by: Purger;
  action: "trash.emptied" | "trash.swept" | "user.erased";
  user: string | undefined;
  count: number;
  at: number;
}

export interface PurgeStore {
  /** not_found | version_mismatch. In one short transaction. */
  beginPurge(input: BeginPurge): Promise<BegunPurge>;
  /** The same for a version, which is deleted first where it is not. not_found | version_mismatch | turn_in_progress | conflict (the only one, or in the trash). */
  beginVersionPurge(input: BeginVersionPurge): Promise<BegunPurge>;
  /** Versions that were deleted then or before cannot be restored from now on, some of them: in these sessions. None: there are no more. */
  beginVersionPurges(removedBefore: number, at: number): Promise<string[]>;
  /** Takes the words of some more turns of a session that is being purged, or of such versions in it; true when there are none left. */
  purgeSome(row: number): Promise<boolean>;
  /** Sessions whose purge was begun and has not come to its end, by their rows. */
  listBegunPurges(limit: number): Promise<number[]>;
  /** Sessions that a purge of many means: after this id, or the longest in the trash first where it is every project's. */
  listPurgeable(filter: PurgeFilter, limit: number, after?: string): Promise<Purgeable[]>;
  /** Goes through some turns. */
  erasePerson(step: PersonStep): Promise<PersonStepResult>;
  /**
   * Takes the name from all else that bears it, some at a time; true when nothing was left. Keys that act for the person are deleted, and so are budgets for the name
   * where the purger manages the project.
   */
  forgetPerson(by: Purger, user: string, at: number): Promise<boolean>;
  /** For the audit. */
  notePurges(purged: PurgedMany): Promise<void>;
  /** Of these sessions those that are purged, or have lost words within an hour. */
  listErased(ids: readonly string[]): Promise<string[]>;
}
