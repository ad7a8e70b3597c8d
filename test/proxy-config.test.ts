// The configurations in docs/proxy, tried with the real programs where they are installed; announced as not tried where they are not.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bearing, callAs, makeKey } from "./callers.ts";
import { type AnswerBody, call, eventually, openStream, type SeenEvent, type SessionBody, textOf } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const docs = join(import.meta.dirname, "..", "docs", "proxy");

function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];
  return folders.map((folder) => join(folder, name)).find(existsSync);
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Each text must be there: a configuration that has changed is not tried by halves. */
function replaceAll(text: string, changes: [string, string][]): string {
  for (const [from] of changes) expect(text).toContain(from);
  return changes.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
}

interface Program {
  name: string;
  /** Writes what the program reads; returns its words. */
  prepare(folder: string, port: number, behind: number): string[];
}

const nginx: Program = {
  name: "nginx",
  prepare(folder, port, behind) {
    const site = replaceAll(readFileSync(join(docs, "nginx.conf"), "utf8"), [
      ["127.0.0.1:8000", `127.0.0.1:${behind}`],
      ["listen 443 ssl;", `listen 127.0.0.1:${port};`],
      ["ssl_certificate /etc/ssl/chat.example.pem;", ""],
      ["ssl_certificate_key /etc/ssl/chat.example.key;", ""],
    ]);
    writeFileSync(join(folder, "site.conf"), site);
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    const user = process.getuid?.() === 0 ? "user root;" : "";
    const http = `http { access_log off; ${paths.join(" ")} include ${folder}/site.conf; }`;
    const main = `${user} daemon off; pid ${folder}/nginx.pid; error_log stderr; events { } ${http}\n`;
    writeFileSync(join(folder, "main.conf"), main);
    return ["-p", folder, "-e", "stderr", "-c", join(folder, "main.conf")];
  },
};

const haproxy: Program = {
  name: "haproxy",
  prepare(folder, port, behind) {
    const config = replaceAll(readFileSync(join(docs, "haproxy.cfg"), "utf8"), [
      ["127.0.0.1:8000", `127.0.0.1:${behind}`],
      ["bind :443 ssl crt /etc/ssl/chat.example.pem", `bind 127.0.0.1:${port}`],
    ]);
    writeFileSync(join(folder, "haproxy.cfg"), config);
    return ["-db", "-f", join(folder, "haproxy.cfg")];
  },
};

for (const program of [nginx, haproxy]) {
  const binary = findProgram(program.name);
  if (!binary) {
    console.error(`NOT TRIED: docs/proxy's configuration for ${program.name}, which is not installed on this machine.`);
    test.skip(`Rozmova behind ${program.name}: not tried, ${program.name} is not installed`, () => {});
    continue;
  }
  describe(`Rozmova behind ${program.name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), `rozmova-${program.name}-`));
    let server: HttpServer;
    let proxy: ChildProcess;
    let said = "";
    let url: string;
    let secret: string;
    /** As a browser sees it: the proxy speaks TLS, and passes the name on. */
    const asBrowser = { host: "chat.example", origin: "https://chat.example", "sec-fetch-site": "same-origin" };

    beforeAll(async () => {
      server = await startHttp({
        settings: { ALLOWED_HOSTS: "chat.example", MAX_BODY_BYTES: "4194304" },
        providerMs: 10_000,
      });
      secret = (await makeKey(server.store)).secret;
      const port = await findPort();
      url = `http://127.0.0.1:${port}`;
      proxy = spawn(binary, program.prepare(folder, port, server.port), { stdio: ["ignore", "ignore", "pipe"] });
      proxy.stderr!.on("data", (bytes: Buffer) => {
        said += bytes.toString();
      });
      const ready = () =>
        fetch(`${url}/readyz`, { headers: { host: "chat.example" } }).then(
          ({ status }) => status,
          () => said,
        );
      await eventually<number | string>(ready, (seen) => seen === 200);
    });
    afterAll(async () => {
      proxy.kill("SIGTERM");
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    const send = <T>(path: string, body: unknown, headers = {}) =>
      callAs<T>(secret, `${url}${path}`, "POST", body, { ...asBrowser, ...headers });
    const session = async () => (await send<SessionBody>("/sessions", {})).body.id;

    test("a key is needed, though it all comes from this machine", async () => {
      const { status } = await call(`${url}/sessions`, "GET", undefined, asBrowser);
      expect(status).toBe(401);
      expect((await callAs(secret, `${url}/sessions`, "GET", undefined, asBrowser)).status).toBe(200);
      const page = await fetch(`${url}/`, { headers: asBrowser });
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      const foreign = { ...asBrowser, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
      expect((await call(`${url}/`, "GET", undefined, foreign)).status).toBe(403);
    });

    test("a turn is answered whole", async () => {
      const said = await send<AnswerBody>(`/sessions/${await session()}/messages`, { content: "hi" });
      expect([said.status, said.body.turn.status]).toEqual([201, "complete"]);
    });

    test("a stream arrives as it is written, not when it is over", async () => {
      const id = await session();
      server.emulator.play({ text: "one two three four five six", chunks: 6, delayMs: 150 });
      const events = await openStream(url, id, { content: "hi" }, { ...asBrowser, ...bearing(secret) });
      const seen: SeenEvent[] = [];
      let runningAtFirstWord: string | null = null;
      for await (const event of events) {
        seen.push(event);
        if (event.type === "text-delta")
          runningAtFirstWord ??= (await server.store.findSession("default", id))!.runningTurnId;
      }
      expect(runningAtFirstWord).not.toBeNull();
      expect(textOf(seen)).toBe("one two three four five six");
      expect(seen.at(-1)?.type).toBe("turn-end");
    });

    test("a body as large as is allowed passes, and many requests one after another do", async () => {
      const title = "т".repeat(100);
      const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, "ї".repeat(500)]));
      expect((await send("/sessions", { title, metadata })).status).toBe(201);
      const broad = await send<{ code: string }>("/sessions", { title: "x".repeat(4_100_000) });
      expect([broad.status, broad.body.code]).toEqual([422, "invalid_request"]); // the proxy let it through
      for (let n = 0; n < 100; n++) expect((await send("/sessions", {})).status).toBe(201);
    });
  });
}
