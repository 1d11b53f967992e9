import { defineConfig } from 'tsup'
import { library } from '../../tooling/tsup/preset.mjs'

const command = library(
  {
    cli: 'src/cli.ts',
    models: 'src/models/registry.ts',
    'bench-parts': 'src/bench/parts.ts',
    'bench-child': 'src/bench/child.ts',
    'bench-probe-worker': 'src/bench/roofline/probe-worker.ts',
    'bench-web-worker': 'src/bench/webgpu/web-worker.ts',
  },
  // The page is built at the same time.
  { platform: 'node', clean: ['!page/**'] },
)

/** One file a page, dependencies and all: a page has no packages. */
const page = library(
  { 'g3-page': 'src/bench/g3-page.ts', 'bench-page': 'src/bench/webgpu/bench-page.ts', 'status-page': 'src/serve/status/page.ts' },
  { platform: 'browser', outDir: 'dist/page', noExternal: [/./], splitting: false, sourcemap: false },
)

export default defineConfig([command, page])
