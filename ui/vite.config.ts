// How the page is built: few files of fixed names, the same bytes from the same sources. The worker is a file of its own,
// which the page may load under a strict content security policy.

import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: process.env.HEADRACE_PAGE ?? "../src/headrace/server/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rollupOptions: {
      output: { entryFileNames: "app.js", assetFileNames: "app[extname]", codeSplitting: false },
    },
  },
  worker: { format: "es", rollupOptions: { output: { entryFileNames: "layout-worker.js" } } },
});
