// `npm test`: installs what only tests need (once), then runs every test under Bun.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");

/** Whether test/node_modules is what test/package-lock.json says. */
function isInstalled() {
  const installed = join(here, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  const names = (file) => {
    const { packages } = JSON.parse(readFileSync(file, "utf8"));
    return new Map(Object.entries(packages).map(([name, entry]) => [name, entry]));
  };
  const have = names(installed);
  for (const [name, wanted] of names(join(here, "package-lock.json"))) {
    if (name !== "" && !wanted.optional && have.get(name)?.version !== wanted.version) return false;
  }
  return true;
}

function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal ? 1 : 0));
}

if (!isInstalled()) {
  console.error(
    "Installing the test tools (a browser, a Postgres server, a second runtime, the linter) into test/node_modules ...",
  );
  const npm = process.env.npm_execpath;
  if (npm) run(process.execPath, [npm, "ci", "--no-audit", "--no-fund"], { cwd: here });
  else run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, shell: process.platform === "win32" });
}

const bun = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");
run(bun, ["test", "--timeout", "180000", ...process.argv.slice(2)], {
  env: { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", ...process.env },
});
