// What others offer, measured beside ours where asked for: installed from npm into bench/peers, in the versions of its lockfile.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { type Child, root, startChild } from "./child.ts";
import { SessionLine } from "./clients.ts";
import type { Target } from "./compare.ts";
import { answerLength, earlierMessages, model, questionLength, textOf, turnsPerSession } from "./conversation.ts";
import type { Job } from "./load.ts";
import { makeFolder, type Vendor } from "./targets.ts";

const peersFolder = join(root, "bench", "peers");

/** What each keeps of a turn: said beside its figure. */
export const peerNotes: Record<string, string> = {
  portkey:
    "portkey (@portkey-ai/gateway 1.15.2 on Node) translates between wires and stores nothing; its clients send all 20 messages.",
  adk: "adk (@google/adk 2.0.0 on Node, DatabaseSessionService with SQLite through libsql) stores each message as an event; no cost, no log of a running answer, nothing to resume.",
};

interface PeerPlan {
  rounds: number;
  turns: number;
  stream: boolean;
}

/** Installs once and starts those that were asked for. Throws for a name that is none. */
export async function startPeers(bench: Bench, plan: PeerPlan, vendor: Vendor, folder: string): Promise<Target[]> {
  const unknown = bench.peers.filter((name) => !(name in peerNotes));
  if (unknown.length > 0) throw new Error(`no such peer: ${unknown.join(", ")}`);
  if (bench.peers.length > 0) install(bench);
  const targets: Target[] = [];
  if (bench.peers.includes("portkey")) targets.push(await startPortkey(plan, vendor, folder));
  if (bench.peers.includes("adk")) targets.push(await startAdk(bench, plan, vendor, folder));
  return targets;
}

function install(bench: Bench): void {
  if (existsSync(join(peersFolder, "node_modules", ".package-lock.json"))) return;
  bench.say("installing peers into bench/peers");
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: peersFolder,
    stdio: ["ignore", 2, 2],
  });
}

async function startPortkey({ turns, stream }: PeerPlan, vendor: Vendor, folder: string): Promise<Target> {
  const port = await findFreePort();
  const program = join(peersFolder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
  const child = await startChild({
    command: ["node", program, `--port=${port}`, "--headless"],
    folder,
    address: /(http:\/\/localhost:\d+)/,
  });
  const url = `http://127.0.0.1:${port}/v1/chat/completions`;
  const body = JSON.stringify({ model, stream, messages: wholeConversation() });
  const headers = {
    "content-type": "application/json",
    authorization: "Bearer bench",
    "x-portkey-provider": "google",
    "x-portkey-custom-host": `${vendor.url}/v1beta`,
  };
  const job: Job = async () => {
    const response = await fetch(url, { method: "POST", headers, body });
    const text = await response.text();
    if (response.status !== 200 || !text.includes('"finish_reason":"'))
      throw new Error(`${response.status}: ${text.slice(-300)}`);
  };
  return {
    name: "portkey",
    pid: child.pid,
    turns,
    warmUp: 0,
    prepare: async () => ({ job }),
    stop: () => child.stop(),
  };
}

/** All twenty messages and the question, as a client of a gateway sends them. */
function wholeConversation(): { role: string; content: string }[] {
  return Array.from({ length: earlierMessages + turnsPerSession - 1 }, (_, at) => ({
    role: at % 2 === 1 ? "assistant" : "user",
    content: textOf(at, at % 2 === 1 ? answerLength : questionLength),
  }));
}

async function startAdk(bench: Bench, plan: PeerPlan, vendor: Vendor, folder: string): Promise<Target> {
  const own = makeFolder(folder, "adk");
  const child = await startChild({
    command: ["node", join(peersFolder, "adk-server.mjs"), join(own, "adk.db"), model],
    folder: own,
    env: { GOOGLE_GEMINI_BASE_URL: vendor.url },
  });
  const perBlock = Math.ceil(plan.turns / turnsPerSession);
  const sessions: string[] = [];
  bench.say(`adk: writing ${perBlock * (plan.rounds + 1)} sessions`);
  while (sessions.length < perBlock * (plan.rounds + 1)) sessions.push(await addAdkSession(child));
  const prepare = async (round: number) => {
    const mine = sessions.slice(round * perBlock, (round + 1) * perBlock);
    return { job: askAdk(child, mine, plan.stream) };
  };
  return { name: "adk", pid: child.pid, turns: plan.turns, warmUp: 0, prepare, stop: () => child.stop() };
}

async function addAdkSession({ url }: Child): Promise<string> {
  const messages = wholeConversation()
    .slice(0, earlierMessages)
    .map(({ role, content }) => ({ role: role === "assistant" ? "model" : role, text: content }));
  const response = await fetch(`${url}/sessions`, { method: "POST", body: JSON.stringify(messages) });
  if (response.status !== 201) throw new Error(`adk: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

function askAdk({ url }: Child, sessions: readonly string[], stream: boolean): Job {
  const line = new SessionLine(sessions);
  return (index) =>
    line.use(async ({ id }) => {
      const body = JSON.stringify({ content: textOf(index, questionLength), stream });
      const response = await fetch(`${url}/sessions/${id}/messages`, { method: "POST", body });
      const text = await response.text();
      if (!text.includes('"status":"complete"')) throw new Error(`${response.status}: ${text.slice(0, 300)}`);
    });
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
