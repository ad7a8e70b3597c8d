// Whether the server lives, and whether it can take a turn now.

import { z } from "@hono/zod-openapi";
import { demoHint } from "../config.ts";
import { AppError } from "../errors.ts";
import type { AppDeps } from "./deps.ts";
import { answerJson, type Route, route } from "./route.ts";

const healthSchema = z
  .object({
    status: z.literal("ok"),
    mode: z.enum(["live", "demo"]),
    version: z.string(),
    default_model: z.string(),
    running_turns: z.int().min(0),
    hint: z.string().nullable().openapi({ description: "In demo mode: how to get real answers" }),
  })
  .openapi("Health", {
    example: {
      status: "ok",
      mode: "live",
      version: "0.1.0",
      default_model: "swift-2",
      running_turns: 0,
      hint: null,
    },
  });
const readySchema = z.object({ status: z.literal("ready") }).openapi("Ready", { example: { status: "ready" } });

/** A write is tried at most this often, however often we are asked. */
const checkEveryMs = 1_000;

export function healthRoutes({ store, turns, settings, now }: AppDeps): Route[] {
  let checkedAt = Number.NEGATIVE_INFINITY;
  let check: Promise<void> = Promise.resolve();

  function checkWritable(): Promise<void> {
    const at = now();
    if (at - checkedAt >= checkEveryMs || at < checkedAt) {
      checkedAt = at;
      check = store.checkWritable();
    }
    return check;
  }

  return [
    route({
      method: "get",
      path: "/healthz",
      scope: "none",
      operationId: "getHealth",
      tag: "Server",
      summary: "Whether the server lives, and whether a real model answers",
      responses: { 200: { description: "Alive", content: { "application/json": { schema: healthSchema } } } },
      errors: [],
      handler() {
        const { mode, version } = settings;
        const hint = mode === "demo" ? demoHint : null;
        return answerJson(200, {
          status: "ok",
          mode,
          version,
          default_model: turns.defaultModel,
          running_turns: turns.count,
          hint,
        });
      },
    }),
    route({
      method: "get",
      path: "/readyz",
      scope: "none",
      operationId: "getReadiness",
      tag: "Server",
      summary: "Whether a turn can be taken now",
      responses: { 200: { description: "Ready", content: { "application/json": { schema: readySchema } } } },
      errors: ["storage_unavailable", "draining"],
      async handler() {
        if (turns.isDraining) throw new AppError("draining", "The server is shutting down.", { retryAfterSeconds: 5 });
        await store.checkFiles();
        await checkWritable();
        return answerJson(200, { status: "ready" });
      },
    }),
  ];
}
