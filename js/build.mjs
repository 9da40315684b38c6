/**
 * Builds the two scripts of kanwidget/static, see src/index.ts and src/sweep.ts. Both set the same variable: the
 * sweep's script takes from it what src/shared.ts lists, instead of holding that a second time.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { build, transform } from "esbuild";
import { minify } from "terser";

const VIEW = "kanwidgetView";

/** What src/shared.ts lists: names, by the path of the module that they are imported from. */
async function readShared() {
  const text = await readFile("src/shared.ts", "utf8");
  const lines = text.matchAll(/^export \{([^}]+)\} from "([^"]+)";$/gm);
  return new Map(Array.from(lines, ([, names, path]) => [resolved("src", path), names]));
}

const resolved = (folder, path) => (path.startsWith(".") ? resolve(folder, path) : path);

const minifiedCss = {
  name: "minified CSS",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const options = { loader: "css", minify: true, charset: "utf8" };
      const { code } = await transform(await readFile(path, "utf8"), options);
      return { contents: code, loader: "text" };
    });
  },
};

const taken = (shared) => ({
  name: "taken from the script before",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[.@a-z]/ }, ({ path, resolveDir }) => {
      const from = resolved(resolveDir, path);
      return shared.has(from) ? { path: from, namespace: "shared" } : undefined;
    });
    onLoad({ filter: /./, namespace: "shared" }, ({ path }) => ({
      contents: `export const {${shared.get(path)}} = ${VIEW};`,
    }));
  },
});

async function write(source, target, plugins) {
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    globalName: VIEW,
    target: "es2022",
    charset: "utf8",
    logLevel: "warning",
    plugins,
  });
  const { code } = await minify(outputFiles[0].text, { ecma: 2022, compress: { passes: 2 } });
  await writeFile(`../kanwidget/static/${target}`, `${code}\n`);
}

await mkdir("../kanwidget/static", { recursive: true });
await write("src/index.ts", "widget.js", [minifiedCss]);
await write("src/sweep.ts", "sweep.js", [minifiedCss, taken(await readShared())]);
