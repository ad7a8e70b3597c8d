// Projects: the operator's business alone.

import { z } from "@hono/zod-openapi";
import type { Project } from "../../../caller/project.ts";
import { AppError, notFound } from "../../../errors.ts";
import type { AppDeps } from "../../deps.ts";
import { answerJson, bodyErrors, jsonAnswer, type Route, route } from "../../route.ts";
import { encodeList, listSchema, printTime, timeSchema } from "../../wire.ts";
import { cursorFields, textSchema } from "../fields.ts";
import { answerPage } from "../page.ts";
import { projectNameSchema } from "./key.ts";

const exampleProject = {
  id: "shop",
  object: "project" as const,
  name: "The shop",
  disabled: false,
  created_at: "2026-11-23T09:00:00.000Z",
};
const projectSchema = z
  .object({
    id: z.string(),
    object: z.literal("project"),
    name: z.string(),
    disabled: z.boolean(),
    created_at: timeSchema,
  })
  .openapi("Project", { example: exampleProject });
const nameSchema = textSchema(100);
const newProjectSchema = z
  .strictObject({ id: projectNameSchema, name: nameSchema.optional().openapi({ description: "Default: the id" }) })
  .openapi("NewProject", { example: { id: "shop", name: "The shop" } });
const projectChangeSchema = z
  .strictObject({
    name: nameSchema.optional(),
    disabled: z.boolean().optional().openapi({ description: "true: none of its keys opens anything, from now on" }),
  })
  .openapi("ProjectChange", { example: { disabled: true } });
const listQuery = z.strictObject({
  limit: cursorFields.limit,
  after: projectNameSchema.optional(),
  before: projectNameSchema.optional(),
});
const projectListSchema = listSchema(projectSchema).openapi("ProjectList", {
  example: encodeList([exampleProject], false),
});
const oneProject = (description: string) => jsonAnswer(description, projectSchema);
function encodeProject({ id, name, disabled, createdAt }: Project): z.infer<typeof projectSchema> {
  return { id, object: "project", name, disabled, created_at: printTime(createdAt) };
}

export function projectRoutes({ store, keys, now }: AppDeps): Route[] {
  return [
    route({
      method: "post",
      path: "/projects",
      scope: "operator",
      operationId: "createProject",
      tag: "Keys",
      summary: "Make a project",
      body: newProjectSchema,
      responses: { 201: oneProject("The project") },
      errors: [...bodyErrors, "conflict"],
      async handler({ exchange, body: { id, name = id } }) {
        const project = { id, name, disabled: false, createdAt: now() };
        if (!(await store.createProject(exchange.caller, project)))
          throw new AppError("conflict", `There is a project ${id} already.`);
        return answerJson(201, encodeProject(project));
      },
    }),
    route({
      method: "get",
      path: "/projects",
      scope: "operator",
      operationId: "listProjects",
      tag: "Keys",
      summary: "List the projects, in the order of their ids",
      query: listQuery,
      responses: { 200: jsonAnswer("A page", projectListSchema) },
      errors: ["invalid_request", "storage_unavailable"],
      async handler({ query: { limit = 20, after, before } }) {
        return answerPage({ limit, after, before }, encodeProject, (page) => store.listProjects(page));
      },
    }),
    route({
      method: "patch",
      path: "/projects/{id}",
      scope: "operator",
      operationId: "changeProject",
      tag: "Keys",
      summary: "Change a project's name, or switch it off and on",
      params: { id: "project" },
      body: projectChangeSchema,
      responses: { 200: oneProject("The project as it is now") },
      errors: [...bodyErrors, "not_found"],
      async handler({ exchange, id, body }) {
        if (!projectNameSchema.safeParse(id).success) throw notFound("project");
        try {
          return answerJson(200, encodeProject(await store.updateProject(exchange.caller, id, body)));
        } finally {
          keys.forget();
        }
      },
    }),
  ];
}
