import { expect, it } from 'vitest'
import { labelOf, parseEngines } from './engine-spec.js'

it('an engine is a name and options, in any order', () => {
  expect(parseEngines('wllama:webgpu, g3:threads=1:precise:plain:chromium,node-llama-cpp:threads=2')).toEqual([
    { name: 'wllama', backend: 'webgpu' },
    { name: 'g3', threads: 1, precision: 'precise', simd: 'plain', host: 'chromium' },
    { name: 'node-llama-cpp', threads: 2 },
  ])
})

it('has one label, and counts once', () => {
  const engines = parseEngines('g3:precise:plain:chromium,g3,g3:chromium:plain:precise')
  expect(engines.map(labelOf)).toEqual(['g3:chromium:plain:precise', 'g3'])
  expect(parseEngines(engines.map(labelOf).join())).toEqual(engines)
})

it.each([
  ['', /some of g3, node-llama-cpp, wllama/],
  ['g3,', /some of g3, node-llama-cpp, wllama/],
  ['plain', /some of g3, node-llama-cpp, wllama/],
  ['__proto__', /some of g3, node-llama-cpp, wllama/],
  ['g3:', /takes the options .* "" is none/],
  ['g3:fancy', /takes the options cpu, webgpu, chromium, plain, fast, precise, exact, threads=N/],
  ['wllama:plain', /takes the options cpu, webgpu, threads=N/],
  ['node-llama-cpp:webgpu', /takes the options threads=N/],
  ['g3:cpu:webgpu', /webgpu says anew/],
  ['g3:threads=0', /whole number from 1 to 64/],
  ['g3:threads=', /whole number from 1 to 64/],
  ['g3:fast:exact', /exact says anew/],
  ['g3:plain:plain', /plain says anew/],
])('%j is refused', (text, message) => {
  expect(() => parseEngines(text)).toThrow(message)
})
