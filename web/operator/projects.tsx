// Projects: the tenants of this server. Made, renamed, closed and opened again.

import { useSignal } from "@preact/signals";
import { type Project, roomApi } from "../api/rooms.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { locale, showToast } from "../shell/state.ts";
import { fill } from "../text/text.ts";
import { printDate } from "../text/time.ts";
import { Confirm } from "./confirm.tsx";
import { type Field, FormDialog } from "./form.tsx";
import { Listing } from "./listing.tsx";
import { usePages } from "./pages.ts";

export function ProjectsView() {
  const pages = usePages(
    "projects",
    (after, signal) => roomApi.listProjects(after, signal),
    ({ id }) => id,
  );
  /** Null: a new one. */
  const editing = useSignal<Project | null | undefined>(undefined);
  const closing = useSignal<Project | null>(null);
  const t = words.value;
  const put = (project: Project) =>
    pages.change((all) =>
      [...all.filter(({ id }) => id !== project.id), project].sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
  const setDisabled = async ({ id }: Project, disabled: boolean) => {
    try {
      put(await roomApi.changeProject(id, { disabled }));
    } catch (error) {
      showToast(describe(asApiError(error)));
    }
  };
  const toggle = (project: Project) => {
    if (project.disabled) void setDisabled(project, false);
    else closing.value = project;
  };
  return (
    <>
      <Refusal error={pages.error} />
      <p class="quiet lead">{t.projectsMore}</p>
      <button type="button" class="button strong" onClick={() => (editing.value = null)}>
        {t.newProject}
      </button>
      <Listing
        pages={pages}
        label={t.projects}
        columns={[t.project, t.made, ""]}
        row={(project) => (
          <tr key={project.id}>
            <th scope="row">
              {project.name}
              <small>
                <code>{project.id}</code>
              </small>
              {project.disabled && <small class="retires">{t.closed}</small>}
            </th>
            <td>{printDate(locale.value, project.created_at)}</td>
            <td>
              <div class="actions">
                <button type="button" class="button small" onClick={() => (editing.value = project)}>
                  {t.rename}
                </button>
                <button type="button" class="button small" onClick={() => toggle(project)}>
                  {project.disabled ? t.openProject : t.closeProject}
                </button>
              </div>
            </td>
          </tr>
        )}
      />
      {editing.value !== undefined && (
        <ProjectForm
          of={editing.value}
          onClose={() => (editing.value = undefined)}
          onDone={(project) => {
            editing.value = undefined;
            put(project);
          }}
        />
      )}
      {closing.value && (
        <Confirm
          title={t.closeProject}
          more={fill(t.closeProjectMore, { name: closing.value.name })}
          onConfirm={(
            (project) => () =>
              void setDisabled(project, true)
          )(closing.value)}
          onClose={() => (closing.value = null)}
        />
      )}
    </>
  );
}

interface FormProps {
  of: Project | null;
  onClose(): void;
  onDone(project: Project): void;
}

function ProjectForm({ of: project, onClose, onDone }: FormProps) {
  const t = words.value;
  const id: Field = {
    ...{ name: "id", label: t.projectId, more: t.projectIdMore, required: true },
    ...{ most: 64, pattern: "[a-z0-9][a-z0-9_\\-]*" },
  };
  const name: Field = { name: "name", label: t.name, most: 100, required: project !== null };
  return (
    <FormDialog
      title={project ? fill(t.changeOne, { name: project.name }) : t.newProject}
      submit={project ? t.save : t.createProject}
      start={{ name: project?.name ?? "" }}
      fields={() => (project ? [name] : [id, name])}
      onSubmit={async (values) => {
        const given = (values.name ?? "").trim();
        if (project) return onDone(await roomApi.changeProject(project.id, { name: given }));
        onDone(await roomApi.createProject({ id: (values.id ?? "").trim(), ...(given !== "" && { name: given }) }));
      }}
      onClose={onClose}
    />
  );
}
