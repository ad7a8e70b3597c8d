// A project: the tenant that owns sessions and keys, and from which nothing of another one can be seen.

/** The project of whoever names no other. It is always there. */
export const defaultProject = "default";

export interface Project {
  /** Chosen by the operator; never changes. */
  id: string;
  name: string;
  /** None of its keys opens anything. */
  disabled: boolean;
  createdAt: number;
}

export const projectPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
