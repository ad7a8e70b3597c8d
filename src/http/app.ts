// The table of contents: every address this server answers, and what each request passes on its way.

import { Hono } from "hono";
import { AppError } from "../errors.ts";
import { checkVisitor } from "./auth.ts";
import type { AppDeps } from "./deps.ts";
import { Exchange } from "./exchange.ts";
import { healthRoutes } from "./health.ts";
import { historyRoutes } from "./native/history.ts";
import { messageRoutes } from "./native/message.ts";
import { modelRoutes } from "./native/model.ts";
import { sessionRoutes } from "./native/session.ts";
import { turnRoutes } from "./native/turn.ts";
import { answerProblem } from "./problem.ts";
import type { Route } from "./route.ts";
import { createDocs, docsPaths } from "./site/docs.ts";
import { answerFile } from "./site/static.ts";
import { createWeb } from "./site/web.ts";
import { Streams } from "./sse.ts";

export type { AppDeps, HttpSettings, HttpTimes, PageFile } from "./deps.ts";

export interface App {
  /** Answers a request, whatever it is; never throws. */
  fetch(request: Request): Promise<Response>;
  readonly routes: readonly Route[];
  /** How many event streams are open. */
  readonly openStreams: number;
}

export function createApp(deps: AppDeps): App {
  const { settings, log } = deps;
  const streams = new Streams({
    heartbeatMs: settings.heartbeatMs ?? 15_000,
    readerDeadlineMs: settings.readerDeadlineMs ?? 30_000,
  });
  const routes: Route[] = [
    ...sessionRoutes(deps),
    ...messageRoutes(deps, streams),
    ...historyRoutes(deps),
    ...turnRoutes(deps, streams),
    ...modelRoutes(deps),
    ...healthRoutes(deps),
  ];
  const bodyLimits = { maxBytes: settings.maxBodyBytes, deadlineMs: settings.bodyDeadlineMs ?? 120_000 };
  const findDoc = createDocs(routes, settings.version);
  const web = createWeb(deps);

  const hono = new Hono<{ Bindings: { exchange: Exchange } }>();
  for (const one of routes) {
    hono.on(one.method.toUpperCase(), one.path.replace(/\{(\w+)\}/g, ":$1"), (context) =>
      one.serve(context.env.exchange, context.req.param("id") ?? "", bodyLimits),
    );
  }
  hono.notFound((context) => answerElse(context.env.exchange, context.req.path));
  hono.onError((cause, context) => answerProblem(context.env.exchange, cause));

  /** What is no route: a file, another method of a route, or nothing. */
  async function answerElse(exchange: Exchange, path: string): Promise<Response> {
    const reads = exchange.request.method === "GET" || exchange.request.method === "HEAD";
    const file = reads ? ((await findDoc(path)) ?? (await web.find(path))) : undefined;
    if (file) {
      exchange.route = docsPaths.includes(path) ? path : path === "/" ? "/" : "/assets/*";
      return answerFile(exchange.request, file);
    }
    const allowed = await methodsOf(path);
    if (allowed.length === 0)
      throw new AppError("not_found", "There is nothing at this address; /docs lists what there is.");
    const allow = { allow: [...allowed, "OPTIONS"].join(", ") };
    if (exchange.request.method === "OPTIONS") return new Response(null, { status: 204, headers: allow });
    return answerProblem(exchange, new AppError("method_not_allowed", `This address takes ${allow.allow}.`), allow);
  }

  const patterns = Map.groupBy(routes, ({ path }) => path);
  const matchers = [...patterns].map(([path, ofPath]) => ({
    pattern: new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`),
    methods: ofPath.flatMap(({ method }) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()])),
  }));

  async function methodsOf(path: string): Promise<string[]> {
    const found = matchers.find(({ pattern }) => pattern.test(path));
    if (found) return found.methods;
    return docsPaths.includes(path) || (await web.find(path)) ? ["GET", "HEAD"] : [];
  }

  return {
    routes,
    get openStreams() {
      return streams.pacemaker.size;
    },
    async fetch(request) {
      const exchange = new Exchange(request, log);
      let response: Response;
      try {
        if (settings.requireLoopbackHost) checkVisitor(request);
        response = await hono.fetch(request, { exchange });
      } catch (cause) {
        response = answerProblem(exchange, cause);
      }
      response.headers.set("x-request-id", exchange.requestId);
      if (!exchange.streaming || request.method === "HEAD") exchange.writeLog({ status: response.status });
      return response;
    },
  };
}
