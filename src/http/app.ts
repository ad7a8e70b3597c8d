// The table of contents: every address this server answers, and what each request passes on its way.

import { AppError } from "../errors.ts";
import type { HttpAnswer } from "./answer.ts";
import { type Asked, readPath } from "./asked.ts";
import { Auth } from "./auth/auth.ts";
import { Cors } from "./auth/cors.ts";
import { countRequest, countUserRequest, printRateLines } from "./auth/rate.ts";
import { Signer } from "./auth/signature.ts";
import { Visitors } from "./auth/visitors.ts";
import type { AppDeps } from "./deps.ts";
import { Exchange } from "./exchange.ts";
import { healthRoutes } from "./health.ts";
import { auditRoutes } from "./native/caller/audit.ts";
import { keyRoutes } from "./native/caller/key.ts";
import { meRoutes } from "./native/caller/me.ts";
import { projectRoutes } from "./native/caller/project.ts";
import { signInRoutes } from "./native/caller/sign-in.ts";
import { tokenRoutes } from "./native/caller/token.ts";
import { historyRoutes } from "./native/history.ts";
import { messageRoutes } from "./native/message.ts";
import { modelRoutes } from "./native/model.ts";
import { budgetRoutes } from "./native/money/budget.ts";
import { quoteRoutes } from "./native/money/quote.ts";
import { sealRoutes } from "./native/money/seal.ts";
import { usageRoutes } from "./native/money/usage.ts";
import { purgeRoutes } from "./native/purge.ts";
import { sessionRoutes } from "./native/session.ts";
import { titleRoutes } from "./native/title.ts";
import { exportRoutes } from "./native/transfer/export.ts";
import { importRoutes } from "./native/transfer/import.ts";
import { turnRoutes } from "./native/turn.ts";
import { versionRoutes } from "./native/version.ts";
import { answerProblem } from "./problem.ts";
import type { Gate, Route } from "./route.ts";
import { createDocs, docsPaths } from "./site/docs.ts";
import { answerFile } from "./site/static.ts";
import { createWeb } from "./site/web.ts";
import { Streams } from "./sse.ts";

export type { AppDeps, HttpSettings, HttpTimes, PageFile } from "./deps.ts";

export interface App {
  /** Answers a request, whatever it is; never throws. */
  fetch(request: Asked): Promise<HttpAnswer>;
  /** The answer to what came instead of a request. */
  refuse(cause: AppError): HttpAnswer;
  readonly routes: readonly Route[];
  /** How many event streams are open. */
  readonly openStreams: number;
}

/** No page of another site may take in what is answered here, whatever it is (fetch.spec.whatwg.org, Cross-Origin-Resource-Policy). */
function linesOfAll({ requestId }: Exchange): string {
  return `cross-origin-resource-policy: same-origin\r\nx-request-id: ${requestId}\r\n`;
}

/** Whoever watches over a server names no host, or any, and is not asked who it is. */
const healthPaths = ["/healthz", "/readyz"];
/** An id is the second word of a path, if there is one in it; a message's is the fourth. */
const messageId = /(?<=\/\{id\}\/messages\/)[^/]+/;

export function createApp(deps: AppDeps): App {
  const { settings, log } = deps;
  const streams = new Streams(settings.heartbeatMs ?? 15_000);
  const signer = new Signer(deps.store, deps.now);
  const cors = new Cors(settings.corsOrigins ?? []);
  const visitors = new Visitors(settings.allowedHosts);
  const auth = new Auth({ ...deps, signer, visitors, cors, needsKey: settings.needsKey });
  const routes: Route[] = [
    ...sessionRoutes(deps),
    ...titleRoutes(deps),
    ...purgeRoutes(deps),
    ...messageRoutes(deps, streams),
    ...versionRoutes(deps),
    ...quoteRoutes(deps),
    ...historyRoutes(deps),
    ...exportRoutes(deps),
    ...importRoutes(deps),
    ...turnRoutes(deps, streams),
    ...modelRoutes(deps),
    ...usageRoutes(deps),
    ...meRoutes(deps),
    ...keyRoutes(deps),
    ...projectRoutes(deps),
    ...tokenRoutes(deps, signer),
    ...signInRoutes(deps, auth),
    ...budgetRoutes(deps),
    ...sealRoutes(deps),
    ...auditRoutes(deps),
    ...healthRoutes(deps),
  ];
  const gate: Gate = {
    limits: { maxBytes: settings.maxBodyBytes, deadlineMs: settings.bodyDeadlineMs ?? 120_000 },
    requireVisible: (caller, kind, id) => auth.requireVisible(caller, kind, id),
    countRequest: (exchange) => countRequest(deps.store, exchange),
    countUserRequest: (exchange, body) => countUserRequest(deps.store, exchange, body),
  };
  const findDoc = createDocs(routes, settings.version, settings);
  const web = createWeb(deps);

  const byPath = Map.groupBy(routes, ({ path }) => path);

  /** Answers by the route at the path, as it stands or with an id in it. */
  function serve(exchange: Exchange, path: string): Promise<HttpAnswer> {
    let found = byPath.get(path);
    let id = "";
    if (!found) {
      const start = path.indexOf("/", 1) + 1;
      const end = path.indexOf("/", start);
      if (start > 0) id = path.slice(start, end === -1 ? undefined : end);
      const pattern = `${path.slice(0, start)}{id}${path.slice(start + id.length)}`;
      if (id !== "") found = byPath.get(pattern) ?? byPath.get(pattern.replace(messageId, "{message_id}"));
    }
    const asked = exchange.isRead ? "get" : exchange.method.toLowerCase();
    const route = found?.find(({ method }) => method === asked);
    return route ? route.serve(exchange, id, gate) : answerElse(exchange, path, found);
  }

  /** What is no route: a file, another method of a route, or nothing. */
  async function answerElse(exchange: Exchange, path: string, found: readonly Route[] = []): Promise<HttpAnswer> {
    const file = exchange.isRead ? ((await findDoc(path)) ?? (await web.find(path))) : undefined;
    if (file) {
      exchange.route = docsPaths.includes(path) ? path : path === "/" ? "/" : "/assets/*";
      return answerFile(exchange.request, file);
    }
    const allowed = found.flatMap(({ method }) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));
    if (allowed.length === 0 && (docsPaths.includes(path) || (await web.find(path)))) allowed.push("GET", "HEAD");
    if (allowed.length === 0)
      throw new AppError("not_found", "There is nothing at this address; /docs lists what there is.");
    const allow = { allow: [...allowed, "OPTIONS"].join(", ") };
    if (exchange.method === "OPTIONS") return { status: 204, headers: allow, body: null };
    return answerProblem(exchange, new AppError("method_not_allowed", `This address takes ${allow.allow}.`), allow);
  }

  return {
    routes,
    get openStreams() {
      return streams.pacemaker.size;
    },
    refuse(cause) {
      const exchange = new Exchange(undefined, log);
      const answer = answerProblem(exchange, cause);
      exchange.writeLog(answer.status);
      return { ...answer, lines: linesOfAll(exchange) };
    },
    async fetch(request) {
      const exchange = new Exchange(request, log);
      let answer = cors.answerPreflight(request);
      try {
        const path = readPath(request);
        const who = answer || healthPaths.includes(path) ? null : auth.identify(request);
        exchange.who = who instanceof Promise ? await who : who;
        answer ??= await serve(exchange, path);
      } catch (cause) {
        answer = answerProblem(exchange, cause);
      }
      let lines = linesOfAll(exchange) + cors.linesFor(request, exchange.who);
      const rate = exchange.who?.rate;
      if (rate) lines += printRateLines(rate, exchange.rates);
      if (!exchange.streaming || request.method === "HEAD") exchange.writeLog(answer.status);
      return { ...answer, lines };
    },
  };
}
