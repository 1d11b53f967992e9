import { defineConfig } from 'vite'
import { carried } from './vite/carried.ts'
import { offline } from './vite/offline.ts'
import { policy } from './vite/policy.ts'

const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export default defineConfig({
  // The site works in any folder of any server.
  base: './',
  plugins: [carried(), policy(), offline()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2023', modulePreload: { polyfill: false } },
  worker: { format: 'es' },
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
})
