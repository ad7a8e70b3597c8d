// The service worker: opens the page and the last conversations where the server cannot be reached. It answers reads alone, and
// from the network first: what it keeps is only ever shown when there is nothing else.

/** The files without which the page does not open; written in by the build. */
declare const shell: readonly string[];
/** Changes with every build. */
declare const edition: string;

interface ExtendableEvent extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
const worker = globalThis as unknown as EventTarget & {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  registration: { scope: string };
};

const shellCache = `rozmova-shell-${edition}`;
const talksPrefix = "rozmova-talks-";
const mostTalks = 50;
const longestKept = 2_000_000;

worker.addEventListener("install", (event) => {
  const fill = async () => {
    await (await caches.open(shellCache)).addAll(shell as string[]);
    await worker.skipWaiting();
  };
  (event as ExtendableEvent).waitUntil(fill());
});

worker.addEventListener("activate", (event) => {
  const clean = async () => {
    const names = await caches.keys();
    await Promise.all(
      names
        .filter((name) => name.startsWith("rozmova-shell-") && name !== shellCache)
        .map((name) => caches.delete(name)),
    );
    await worker.clients.claim();
  };
  (event as ExtendableEvent).waitUntil(clean());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event as FetchEvent;
  if (request.method !== "GET") return;
  const { scope } = worker.registration;
  if (!request.url.startsWith(scope)) return;
  const path = request.url.slice(scope.length).split("#")[0] ?? "";
  if (path === "") (event as FetchEvent).respondWith(openPage(request));
  else if (path.startsWith("assets/")) (event as FetchEvent).respondWith(readAsset(request));
  else if (
    /^(?:models|sessions\?limit=\d+(?:&pinned=true)?|sessions\/[\w-]+\/history\?limit=\d+&order=desc)$/.test(path)
  )
    (event as FetchEvent).respondWith(readTalk(request));
});

async function openPage(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.status < 500) return answer;
    throw new Error("the server is away");
  } catch (error) {
    const kept = await caches.match("./", { cacheName: shellCache });
    if (kept) return kept;
    throw error;
  }
}

/** A file whose name changes with its content is the same for ever. */
async function readAsset(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(shellCache)).put(request, answer.clone());
  return answer;
}

/** What one key may read is kept apart from what another may. */
async function talksOf(request: Request): Promise<Cache> {
  const key = new TextEncoder().encode(request.headers.get("authorization") ?? "");
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", key));
  const name = [...hash.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return caches.open(talksPrefix + name);
}

async function readTalk(request: Request): Promise<Response> {
  const talks = await talksOf(request);
  try {
    const answer = await fetch(request);
    if (answer.ok) void keep(talks, request.url, answer.clone());
    else if (answer.status === 401 || answer.status === 403 || answer.status === 404) await talks.delete(request.url);
    else if (answer.status >= 502 && answer.status <= 504) throw new Error("the server is away");
    return answer;
  } catch (error) {
    const kept = await talks.match(request.url);
    if (!kept) throw error;
    const headers = new Headers(kept.headers);
    headers.set("x-rozmova-kept", "yes"); // so that the page knows that the server has not spoken
    return new Response(kept.body, { status: 200, headers });
  }
}

/** The newest last, so that the oldest go when there are too many. */
async function keep(talks: Cache, address: string, answer: Response): Promise<void> {
  const body = await answer.arrayBuffer();
  if (body.byteLength > longestKept) return;
  await talks.delete(address);
  await talks.put(address, new Response(body, { headers: { "content-type": "application/json" } }));
  const histories = (await talks.keys()).filter(({ url }) => url.includes("/history?"));
  for (const old of histories.slice(0, Math.max(0, histories.length - mostTalks))) await talks.delete(old);
}
