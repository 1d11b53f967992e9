import { defineConfig } from 'tsup'

/**
 * The one build preset: ESM for ES2022, entry names kept, no bundled dependencies.
 * Declarations come from `tsc` (see each package's `build` script), which is faster than bundling them.
 * @param {Record<string, string>} entry output name -> source file
 * @param {import('tsup').Options} [extra]
 */
export const library = (entry, extra = {}) =>
  defineConfig({
    entry,
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    splitting: true,
    sourcemap: true,
    dts: false,
    clean: true,
    ...extra,
  })
