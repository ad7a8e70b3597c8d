// POST a message: one turn, answered as JSON when it is over or as a stream while it runs.

import { z } from "@hono/zod-openapi";
import { chooseUser } from "../../caller/user.ts";
import { AppError } from "../../errors.ts";
import { type EventRun, lengthOf } from "../../turn/reader/event-run.ts";
import type { EndedTurn, FollowedTurn } from "../../turn/reader/follow.ts";
import type { EventGroups, Reading } from "../../turn/reader/reading.ts";
import type { Turn } from "../../turn/turn.ts";
import type { StartTurn } from "../../turn/turns.ts";
import { prefersEvents } from "../accept.ts";
import type { HttpAnswer } from "../answer.ts";
import { askedRate } from "../auth/rate.ts";
import type { AppDeps } from "../deps.ts";
import { chooseVersion, readIfMatch } from "../etag.ts";
import type { Exchange } from "../exchange.ts";
import { readIdempotency } from "../idempotency.ts";
import { answerJson, bodyErrors, callErrors, jsonAnswer, type Route, route } from "../route.ts";
import type { Streams } from "../sse.ts";
import { readUser, userHeaderName, userHeaderSays, userSchema } from "../user.ts";
import { askedIdSchema, orNull } from "../wire.ts";
import { eventStreamAnswer } from "./event-schema.ts";
import { encodeEvents } from "./event-wire.ts";
import { modelSchema, paramsSchema, textSchema } from "./fields.ts";
import { encodeMessage, exampleMessages, messageSchema } from "./message-wire.ts";
import { encodeSession, exampleSession, sessionSchema } from "./session-wire.ts";
import { encodeTurn, exampleTurn, turnSchema } from "./turn-wire.ts";

const answerSchema = z
  .object({ turn: turnSchema, message: messageSchema, reply: messageSchema, session: sessionSchema })
  .openapi("Answer", {
    example: {
      turn: exampleTurn,
      message: exampleMessages.user,
      reply: exampleMessages.reply,
      session: exampleSession,
    },
  });

export function newMessageSchema(maxTextChars: number) {
  return z
    .strictObject({
      content: textSchema(maxTextChars),
      stream: z
        .boolean()
        .optional()
        .openapi({ description: "The answer as an event stream. Default: what Accept asks for" }),
      model: modelSchema.optional(),
      params: paramsSchema.optional().openapi({ description: "Win over the session's, name by name" }),
      parent_id: orNull(askedIdSchema).optional().openapi({
        description: "The message this one follows: left out, the newest; null, a new path from the beginning",
      }),
      user: userSchema.optional().openapi({ description: "Whom the turn is for. Default: whom the session is for" }),
      if_busy: z.enum(["reject", "queue", "interrupt"]).optional().openapi({
        description:
          "While another turn runs: reject (default) refuses, queue waits in line, interrupt stops the running turn first",
      }),
    })
    .openapi("NewMessage", { example: { content: "What goes into borscht?" } });
}

export function messageRoutes(deps: AppDeps, streams: Streams): Route[] {
  const { store, turns, now, settings } = deps;
  const firstByteMs = settings.firstByteMs ?? 1_000;

  return [
    route({
      method: "post",
      path: "/sessions/{id}/messages",
      scope: "chat",
      operationId: "sendMessage",
      tag: "Messages",
      summary: "Send a message and get the model's answer, with its cost",
      description:
        "Answers 201 with JSON when the turn is over, or 200 with an event stream while it runs (`stream: true`, or " +
        "`Accept: text/event-stream`). Leaving does not stop the turn. A turn that failed before its first word answers " +
        "with the failure's status, in both forms; a stream that has begun tells of a failure in `turn-end`. With " +
        "`if_busy` other than `reject`, a stream that must wait longer than a second begins with the comment `: queued`; " +
        "if the turn then cannot begin, the stream's only event is `error`, with a problem document as its data.",
      params: { id: "session" },
      headers: {
        "Idempotency-Key":
          "The same key with the same body is answered by the same turn: the model is called once. 404 where that turn was deleted",
        [userHeaderName]: userHeaderSays,
        "If-Match": "Refuse (412) unless the session is at this version",
      },
      body: newMessageSchema(settings.maxTextChars),
      bodyExamples: {
        plain: { content: "What goes into borscht?" },
        streamed: { content: "Tell me more.", stream: true, params: { temperature: 0.2 }, if_busy: "queue" },
      },
      responses: {
        201: jsonAnswer("The turn is over: complete, stopped or interrupted", answerSchema, { Location: "The turn" }),
        200: eventStreamAnswer,
      },
      errors: [
        ...bodyErrors,
        "not_found",
        "turn_in_progress",
        "conflict",
        "version_mismatch",
        "context_too_long",
        "idempotency_mismatch",
        ...callErrors,
      ],
      async handler({ exchange, id, body }) {
        const ifBusy = body.if_busy ?? "reject";
        const ifMatch = readIfMatch(exchange);
        const starting = turns.start({
          owner: exchange.owner,
          sessionId: id,
          content: body.content,
          model: body.model,
          params: body.params,
          parentId: body.parent_id,
          user: chooseUser(exchange.caller, readUser(exchange, body.user)) ?? undefined,
          keyId: exchange.caller.keyId,
          models: exchange.caller.models,
          rate: askedRate(exchange),
          ifBusy,
          ifVersion:
            typeof ifMatch === "object" ? chooseVersion(ifMatch, await store.peekSession(exchange.owner, id)) : ifMatch,
          idempotency: readIdempotency(exchange, body, now() + settings.idempotencyMs),
          caller: exchange,
        } satisfies StartTurn);
        const wantsStream = body.stream ?? prefersEvents(exchange.header("accept"));
        if (!wantsStream) {
          const followed = await starting;
          exchange.turnId = followed.turnId;
          return answerWhole(followed.turnId, await followed.end(exchange));
        }
        const askedAt = performance.now();
        const followed = ifBusy === "reject" ? await starting : await within(starting, firstByteMs);
        if (!followed)
          return streams.answer(exchange, {
            head: ": queued\n\n",
            begun: false,
            groups: new QueuedReading(exchange, starting),
          });
        return await answerStream(
          exchange,
          streams,
          followed,
          Math.max(0, firstByteMs - (performance.now() - askedAt)),
        );
      },
    }),
  ];
}

function answerWhole(turnId: string, ended: EndedTurn | undefined): HttpAnswer {
  if (!ended) {
    throw new AppError("storage_unavailable", "The answer could not be stored; look at the turn again later.", {
      members: { turn_id: turnId },
      retryAfterSeconds: 5,
    });
  }
  const { turn, userMessage, reply, session } = ended;
  if (turn.status === "failed") throw failureOf(turn);
  const body = {
    turn: encodeTurn(turn),
    message: encodeMessage(userMessage),
    reply: encodeMessage(reply),
    session: encodeSession(session),
  };
  return answerJson(201, body, { location: `/turns/${turn.id}` });
}

/** A stream, unless the turn has failed already without a word: that gets a real status. */
async function answerStream(
  exchange: Exchange,
  streams: Streams,
  followed: FollowedTurn,
  waitMs: number,
): Promise<HttpAnswer> {
  exchange.turnId = followed.turnId;
  await followed.waitForFirst(waitMs);
  const groups = followed.read(0);
  const { value: first } = await groups.next();
  const end = first?.events.at(-1);
  const failed = typeof end === "object" && end.type === "turn-end" && end.turn.status === "failed";
  if (failed && !first?.events.some(lengthOf)) {
    groups.leave();
    throw failureOf(end.turn);
  }
  return streams.answer(
    exchange,
    { head: first ? encodeEvents(first) : "", begun: true, groups },
    { location: `/turns/${followed.turnId}` },
  );
}

/** The turn's events from its start, once it has one. Whoever leaves earlier leaves the queue too. */
class QueuedReading implements EventGroups {
  private readonly starting: Promise<Reading>;
  private reading: Reading | undefined;
  private left = false;

  constructor(exchange: Exchange, starting: Promise<FollowedTurn>) {
    this.starting = starting.then((followed) => {
      exchange.letGoOfRequest();
      exchange.turnId = followed.turnId;
      this.reading = followed.read(0);
      if (this.left) this.reading.leave();
      return this.reading;
    });
    this.starting.catch(() => {}); // told to whoever reads
  }

  async next(): Promise<IteratorResult<EventRun, void>> {
    return (await this.starting).next();
  }

  get isOver(): boolean {
    return this.left || (this.reading?.isOver ?? false);
  }

  leave(): void {
    this.left = true;
    this.reading?.leave();
  }
}

function failureOf({ id, sessionId, error }: Pick<Turn, "id" | "sessionId" | "error">): AppError {
  return new AppError(error?.code ?? "internal", error?.detail ?? "The turn failed.", {
    members: { turn_id: id, session_id: sessionId },
    ...(error?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  });
}

/** What the promise brings within so many milliseconds, else undefined; its failure is thrown only in that time. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
