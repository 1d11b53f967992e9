import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tooling/**/*.test.mjs'],
    // Suites start worker threads of their own and share two cores: one file at a time keeps them honest.
    maxWorkers: 1,
    isolate: false,
    testTimeout: 60_000,
  },
})
