// What storage must do for callers: the share of door 2 that is this room's.

import type { Caller } from "./caller.ts";
import type { FoundKey, HashedSecret, Key } from "./key.ts";
import type { Project } from "./project.ts";

export interface KeyPage {
  limit: number;
  after?: string | undefined;
  before?: string | undefined;
  /** An operator may look at one project's; everybody else sees their own. */
  project?: string | undefined;
}

export interface CallerStore {
  /** Grows with every change of a key or a project, whichever process makes it. */
  readCallerVersion(): Promise<number>;
  /** By a secret's hash, be it the newest or one that another has taken the place of. Deleted keys too. */
  findKeyByHash(hash: string): Promise<FoundKey | undefined>;
  findKeyById(id: string): Promise<FoundKey | undefined>;
  /** Whether any key opens anything at this moment. */
  hasKeys(at: number): Promise<boolean>;
  /** What the caller may know of; the newest first. */
  listKeys(caller: Caller, page: KeyPage): Promise<{ data: Key[]; hasMore: boolean }>;
  /** not_found. */
  getKey(caller: Caller, id: string): Promise<Key>;
  /** A new secret; the one before it is good until `oldUntil`, any older one no longer. not_found | forbidden. */
  rotateKey(caller: Caller, id: string, secret: HashedSecret, oldUntil: number): Promise<Key>;
  /** For good, its budget too; what it did stays in the books. not_found. */
  deleteKey(caller: Caller, id: string, at: number): Promise<void>;
  /** Notes when keys were used last; later than it is known, never earlier. */
  touchKeys(used: readonly { id: string; at: number }[]): Promise<void>;

  /** Makes the project unless it is there; returns whether it was made. */
  createProject(maker: Caller, project: Project): Promise<boolean>;
  findProject(id: string): Promise<Project | undefined>;
  listProjects(page: Omit<KeyPage, "project">): Promise<{ data: Project[]; hasMore: boolean }>;
  /** not_found. */
  updateProject(caller: Caller, id: string, change: Partial<Pick<Project, "name" | "disabled">>): Promise<Project>;

  /** The secret that tokens are signed with: this one, unless there is one already. */
  takeTokenSecret(candidate: string): Promise<string>;
  /** Whose session this is, or the one of this turn; undefined for what is not in the project. */
  findSessionUser(
    project: string,
    kind: "session" | "turn",
    id: string,
  ): Promise<{ id: string; user: string | null } | undefined>;
}
