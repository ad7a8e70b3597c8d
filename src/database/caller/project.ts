// Projects: made, found, listed, changed.

import type { Caller } from "../../caller/caller.ts";
import type { Project } from "../../caller/project.ts";
import { notFound } from "../../errors.ts";
import type { Listed, Page } from "../../store.ts";
import { storableText } from "../columns.ts";
import type { Reader, Tx } from "../tx.ts";
import { noteAudit } from "./audit.ts";
import { listRows } from "./page.ts";
import { countChange } from "./version.ts";

const columns = "id, name, disabled, created_at";

interface ProjectRow {
  id: string;
  name: string;
  disabled: number;
  created_at: number;
}

function projectFrom(row: ProjectRow): Project {
  return { id: row.id, name: row.name, disabled: row.disabled === 1, createdAt: row.created_at };
}

export interface CreateProject {
  maker: Caller;
  project: Project;
}

/** Returns whether it was made: false for one that is there. */
export async function createProject(tx: Tx, { maker, project }: CreateProject): Promise<boolean> {
  const { id, name, disabled, createdAt } = project;
  const made = await tx.run(
    "INSERT INTO project (id, name, disabled, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
    [id, storableText(name), disabled ? 1 : 0, createdAt],
  );
  if (made === 0) return false;
  await noteAudit(tx, noteOf(maker, "project.created", id, createdAt));
  return true;
}

export async function findProject(reader: Reader, id: string): Promise<Project | undefined> {
  const [row] = await reader.all<ProjectRow>(`SELECT ${columns} FROM project WHERE id = $1`, [id]);
  return row && projectFrom(row);
}

/** In the order of their ids. */
export async function listProjects(reader: Reader, page: Page): Promise<Listed<Project>> {
  const listed = await listRows<ProjectRow>(reader, `SELECT ${columns} FROM project WHERE 1 = 1`, [], page, "ASC");
  return { data: listed.data.map(projectFrom), hasMore: listed.hasMore };
}

function noteOf({ keyId }: Caller, action: "project.created" | "project.changed", id: string, at: number) {
  return { at, project: id, keyId, action, target: id, count: 1 };
}

export interface UpdateProject {
  caller: Caller;
  id: string;
  at: number;
  change: Partial<Pick<Project, "name" | "disabled">>;
}

export async function updateProject(tx: Tx, { caller, id, change, at }: UpdateProject): Promise<Project> {
  const { name, disabled } = change;
  const [row] = await tx.all<ProjectRow>(
    `UPDATE project SET name = COALESCE($2, name), disabled = COALESCE($3, disabled) WHERE id = $1 RETURNING ${columns}`,
    [id, name === undefined ? null : storableText(name), disabled === undefined ? null : Number(disabled)],
  );
  if (!row) throw notFound("project");
  await countChange(tx);
  await noteAudit(tx, noteOf(caller, "project.changed", id, at));
  return projectFrom(row);
}
