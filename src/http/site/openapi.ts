// The OpenAPI 3.1 document, made from the routes' own forms.

import { OpenAPIHono, z } from "@hono/zod-openapi";
import { longestUser } from "../../caller/user.ts";
import type { ErrorCode } from "../../errors.ts";
import { mostErrors } from "../field-errors.ts";
import { maxDepth, mostValues } from "../json-body.ts";
import { projectNameSchema } from "../native/caller/key.ts";
import { eventSchemas } from "../native/event-schema.ts";
import { mostPageBytes } from "../native/page.ts";
import { problems } from "../problem.ts";
import type { Answer, Route, RouteForm } from "../route.ts";
import { maxHeadBytes } from "../server/head.ts";
import { userHeaderName, userHeaderPattern } from "../user.ts";
import { exampleIds, idSchema, problemSchema } from "../wire.ts";

const description = `A self-hosted chat API that keeps every conversation, gives the model its memory, and knows what each token cost.

Ids are UUIDv7. Times are ISO 8601, UTC. Money is a decimal string in USD: no exponent, at most 12 decimals; null where it is not known.
Unknown body fields and query names are refused. Errors are \`application/problem+json\` (RFC 9457) with a \`code\` from a closed list.
Every answer carries \`x-request-id\`.`;

/** What no schema of one field can say. */
function describeLimits({ maxBodyBytes }: DocumentLimits): string {
  return `A body has at most ${maxBodyBytes} bytes (413), ${mostValues} values and ${maxDepth} levels (422); a request's first line and headers together ${maxHeadBytes} bytes (400).
A page ends early where its items bring more than ${mostPageBytes} bytes: \`has_more\` says so. A list of errors names the first ${mostErrors}.
Whole numbers are within ±${Number.MAX_SAFE_INTEGER} wherever they stand, and no text holds U+0000 (422); half a surrogate pair becomes U+FFFD.
Whoever takes nothing of an answer for half a minute is cut off.
A key may have limits of its own (\`rate\`): every request that is made with it, or with a token of it, counts, whatever its answer; \`/healthz\`, \`/readyz\`, the page and these documents do not. Answers to it
carry \`RateLimit-Policy\` and \`RateLimit\` (draft-ietf-httpapi-ratelimit-headers-11); past a limit it is 429 \`rate_limited\`, with \`Retry-After\` where waiting helps.`;
}

const tags = [
  { name: "Sessions", description: "Conversations" },
  { name: "Messages", description: "Talking to the model, and what was said" },
  { name: "Turns", description: "One message and its answer: state, events, bill" },
  { name: "Usage", description: "What was used, and what it cost" },
  { name: "Models", description: "What there is to talk to" },
  { name: "Keys", description: "Who may call: projects, keys, and tokens for browsers and apps" },
  { name: "Budgets", description: "What may be spent: by everybody, a project, a key, a user, in a session" },
  { name: "Server", description: "How the server is" },
];

/** Any request may meet these. */
const everywhere: ErrorCode[] = ["forbidden", "internal"];

const knownOnly: ErrorCode[] = ["unauthenticated", "rate_limited", "storage_unavailable"];

export interface DocumentLimits {
  maxBodyBytes: number;
}

export function describeApi(routes: readonly Route[], version: string, limits: DocumentLimits): object {
  const builder = new OpenAPIHono();
  const registry = builder.openAPIRegistry;
  for (const [name, schema] of Object.entries(eventSchemas)) registry.register(name, schema);
  registry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description:
      "A key (`rz-...`) or a token of POST /tokens. Each operation names the scope that it needs. A server that listens on this machine alone asks for none, unless it is told to.",
  });
  for (const one of routes) {
    registry.registerPath({
      method: one.method,
      path: one.path,
      operationId: one.operationId,
      tags: [one.tag],
      summary: one.summary,
      description: one.description,
      request: requestOf(one),
      security: securityOf(one),
      responses: {
        ...answersOf(one.responses),
        ...refusalsOf([...one.errors, ...everywhere, ...(one.scope === "none" ? [] : knownOnly)]),
      },
    });
  }
  return builder.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Rozmova",
      version,
      description: `${description}\n\n${describeLimits(limits)}`,
      license: { name: "MIT" },
    },
    servers: [{ url: "./", description: "This server" }], // beside this document: a proxy may have put both under a path
    tags,
    security: [],
  });
}

/** One of these is enough. */
function securityOf({ scope, alsoScope }: Route) {
  if (scope === "none") return [];
  if (scope === "any") return [{ key: [] }];
  return [scope, ...(alsoScope ? [alsoScope] : [])].map((one) => ({ key: [one] }));
}

/** What is not of this shape is refused with 422, or 412 for a tag that is none. */
const headerShapes: Record<string, { pattern: string; minLength?: number; maxLength?: number }> = {
  "Idempotency-Key": { pattern: "^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$", minLength: 1, maxLength: 255 },
  [userHeaderName]: { pattern: userHeaderPattern, minLength: 1, maxLength: longestUser },
  "Last-Event-ID": { pattern: "^[0-9]{0,9}$" },
};

/** Of those whose `{id}` is no id. */
const idSchemas: Partial<Record<NonNullable<RouteForm["params"]>["id"], z.ZodType>> = {
  project: projectNameSchema,
  scope: z.string().openapi({
    pattern: "^(global|project|key:.+|session:.+|user:.+)$",
    description: "`global` (the operator's), `project`, `key:<id>`, `user:<name>` or `session:<id>`, URL-encoded",
    example: "project",
  }),
};

function requestOf(form: RouteForm) {
  const headers = Object.entries(form.headers ?? {}).map(([name, meaning]) => [
    name,
    z
      .string()
      .optional()
      .openapi({ description: meaning, ...headerShapes[name] }),
  ]);
  return {
    params:
      form.params &&
      z.object({
        id: idSchemas[form.params.id] ?? idSchema,
        ...(form.params.message_id && { message_id: idSchema }),
      }),
    query: form.query,
    headers: headers.length === 0 ? undefined : z.object(Object.fromEntries(headers)),
    body: form.body && {
      required: !form.bodyOptional,
      content: { "application/json": { schema: form.body, examples: namedExamples(form.bodyExamples) } },
    },
  };
}

function namedExamples(examples: Record<string, unknown> | undefined) {
  return examples && Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
}

const requestIdHeader = { "x-request-id": describeHeader("This request's id, as the server's log has it") };

function describeHeader(meaning: string) {
  return { description: meaning, schema: { type: "string" as const } };
}

function answersOf(answers: Record<number, Answer>) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      {
        description: answer.description,
        headers: {
          ...requestIdHeader,
          ...Object.fromEntries(
            Object.entries(answer.headers ?? {}).map(([name, meaning]) => [name, describeHeader(meaning)]),
          ),
        },
        ...(answer.content ? { content: answer.content } : {}),
      },
    ]),
  );
}

/** One answer for each status, with an example for each code it may have. */
function refusalsOf(codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(new Set(codes), (code) => problems[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `\`${code}\`: ${problems[code].title}`).join(". "),
        headers: requestIdHeader,
        content: {
          "application/problem+json": {
            schema: problemSchema,
            examples: Object.fromEntries(ofStatus.map((code) => [code, { value: exampleProblem(code) }])),
          },
        },
      },
    ]),
  );
}

function exampleProblem(code: ErrorCode) {
  const { status, title } = problems[code];
  const errors = code === "invalid_request" ? [{ pointer: "/content", detail: "is required" }] : undefined;
  const detail = errors ? "/content is required." : `${title}.`;
  return {
    type: `urn:rozmova:problem:${code}`,
    title,
    status,
    detail,
    code,
    request_id: exampleIds.turn,
    ...(errors ? { errors } : {}),
    error: {
      message: detail,
      type: status >= 500 ? "server_error" : "invalid_request_error",
      code,
      param: errors ? "content" : null,
    },
  };
}
