import { defineConfig } from 'vite'

export default defineConfig({
  // The site works in any folder of any server.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2023', modulePreload: { polyfill: false }, reportCompressedSize: true },
  worker: { format: 'es' },
})
