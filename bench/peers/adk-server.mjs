// The agent kit as a server that keeps its conversations in SQLite: the least that answers a message as ours does, as JSON or streamed.

import { createServer } from "node:http";
import { createEvent, DatabaseSessionService, Gemini, LlmAgent, Runner, StreamingMode } from "@google/adk";
import { LibSqlDriver } from "@mikro-orm/libsql";

const [databaseFile, model] = process.argv.slice(2);
const appName = "bench";
const userId = "bench";

const sessionService = new DatabaseSessionService({
  driver: LibSqlDriver,
  dbName: databaseFile,
});
const agent = new LlmAgent({ name: "assistant", model: new Gemini({ model, apiKey: "bench" }), instruction: "" });
const runner = new Runner({ appName, agent, sessionService });

async function addSession(messages) {
  const session = await sessionService.createSession({ appName, userId });
  for (const { role, text } of messages) {
    const author = role === "user" ? "user" : agent.name;
    const event = createEvent({ invocationId: "prefill", author, content: { role, parts: [{ text }] } });
    await sessionService.appendEvent({ session, event });
  }
  return session.id;
}

async function answer(sessionId, { content, stream }, response) {
  const newMessage = { role: "user", parts: [{ text: content }] };
  const runConfig = { streamingMode: stream ? StreamingMode.SSE : StreamingMode.NONE };
  if (stream) response.writeHead(200, { "content-type": "text/event-stream" });
  let text = "";
  let usage;
  for await (const event of runner.runAsync({ userId, sessionId, newMessage, runConfig })) {
    if (event.errorCode) throw new Error(`${event.errorCode}: ${event.errorMessage}`);
    const words = event.content?.parts?.map((part) => part.text ?? "").join("") ?? "";
    usage = event.usageMetadata ?? usage;
    if (stream && event.partial) response.write(`event: text-delta\ndata: ${JSON.stringify({ text: words })}\n\n`);
    else if (!event.partial) text += words;
  }
  const end = JSON.stringify({ status: "complete", content: text, usage });
  if (stream) response.end(`event: turn-end\ndata: ${end}\n\n`);
  else response.writeHead(201, { "content-type": "application/json" }).end(end);
}

const server = createServer(async (request, response) => {
  try {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text);
    const session = /^\/sessions\/([^/]+)\/messages$/.exec(request.url)?.[1];
    if (session) await answer(session, body, response);
    else response.writeHead(201).end(JSON.stringify({ id: await addSession(body) }));
  } catch (cause) {
    if (!response.headersSent) response.writeHead(500);
    response.end(String(cause?.stack ?? cause));
  }
});
await sessionService.init();
server.listen(0, "127.0.0.1", () => console.log(`adk listens on http://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
