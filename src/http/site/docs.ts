// `/docs`: Swagger UI from the installed package, no other machine asked, and `/openapi.json`.
// It works under the page's own policy: seen in Chromium 153, 2026-11-23, with requests made from it.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Route } from "../route.ts";
import { type DocumentLimits, describeApi } from "./openapi.ts";
import type { StaticFile } from "./static.ts";

const index = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Rozmova API</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <script defer src="docs/swagger-ui-bundle.js"></script>
    <script defer src="docs/start.js"></script>
  </head>
  <body>
    <div id="swagger-ui"></div>
    <noscript>This page needs JavaScript. The document itself is at /openapi.json.</noscript>
  </body>
</html>
`;

const start = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
`;

const own: Record<string, { type: string; text: string }> = {
  "/docs": { type: "text/html; charset=utf-8", text: index },
  "/docs/start.js": { type: "text/javascript; charset=utf-8", text: start },
};
const packaged: Record<string, string> = {
  "/docs/swagger-ui.css": "text/css; charset=utf-8",
  "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "/docs/favicon-32x32.png": "image/png",
};

export const docsPaths: readonly string[] = [...Object.keys(own), ...Object.keys(packaged), "/openapi.json"];

/** Finds a file of the docs by path; each is read and compressed once, when first asked for. */
export function createDocs(
  routes: readonly Route[],
  version: string,
  limits: DocumentLimits,
): (path: string) => Promise<StaticFile> | undefined {
  const files = new Map<string, Promise<StaticFile>>();
  const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

  async function load(path: string): Promise<StaticFile> {
    if (path === "/openapi.json") {
      const text = JSON.stringify(describeApi(routes, version, limits));
      return pack("application/json; charset=utf-8", new TextEncoder().encode(text));
    }
    const written = own[path];
    if (written) return pack(written.type, new TextEncoder().encode(written.text));
    return pack(packaged[path]!, await readFile(join(folder, path.slice("/docs/".length))));
  }

  return (path) => {
    if (!docsPaths.includes(path)) return undefined;
    let file = files.get(path);
    if (file === undefined) {
      file = load(path);
      files.set(path, file);
      file.catch(() => files.delete(path));
    }
    return file;
  };
}

const compress = promisify(gzip);

async function pack(type: string, body: Uint8Array): Promise<StaticFile> {
  const zipped = type.startsWith("image/") ? undefined : new Uint8Array(await compress(body));
  return { type, body, gzip: zipped, immutable: false };
}
