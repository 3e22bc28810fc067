// What follows the bundler: the licences of what is bundled, and from which sources it was built.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PAGE = process.env.HEADRACE_PAGE ?? join(ROOT, "../src/headrace/server/page");
const NOT_SOURCES = new Set(["node_modules", "dev", "README.md", ".gitignore"]);
/** All that ends up in app.js from node_modules; the second is what the first is made of. */
const BUNDLED = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];

writeFileSync(join(PAGE, "THIRD-PARTY.txt"), licencesOf(BUNDLED));
writeFileSync(join(PAGE, "build.json"), `${JSON.stringify({ sources: digestOfSources() })}\n`);

/** SHA-256 over each file's path, its length in bytes and its content, in the order of the paths (see test_built_page.py). */
function digestOfSources() {
  const digest = createHash("sha256");
  for (const path of pathsIn("").sort()) {
    const content = readFileSync(join(ROOT, path));
    digest.update(`${path}\n${content.length}\n`).update(content);
  }
  return digest.digest("hex");
}

function pathsIn(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => folder !== "" || !NOT_SOURCES.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? pathsIn(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function licencesOf(names) {
  const told = names.map((name) => {
    const folder = join(ROOT, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
  });
  return `The page of Headrace contains these packages.\n\n${told.join(`\n${"-".repeat(80)}\n\n`)}`;
}
