import { describe, expect, it } from 'vitest'
import { checkBoundaries, findCycles } from './boundaries.mjs'
import { importsOf } from './imports.mjs'

const manifest = {
  dependencies: { '@g3/backend': 'workspace:*', '@g3/runtime': 'workspace:*', '@g3/kernels-cpu': 'workspace:*' },
}
const check = (path, text) => checkBoundaries([{ path, text }], () => manifest)

describe('importsOf', () => {
  it('finds static, multi-line, type-only, re-exported and dynamic imports, and none in comments', () => {
    const source = [
      "import a from 'a'",
      "import 'b'",
      "import {\n  c,\n} from 'c'",
      "import type { D } from 'd'",
      "export { e } from 'e'",
      "const f = await import('f')",
      " * import g from 'g'",
      "// const h = import('h')",
    ].join('\n')
    expect(importsOf(source)).toEqual([
      { specifier: 'a', typeOnly: false },
      { specifier: 'b', typeOnly: false },
      { specifier: 'c', typeOnly: false },
      { specifier: 'd', typeOnly: true },
      { specifier: 'e', typeOnly: false },
      { specifier: 'f', typeOnly: false },
    ])
  })
})

describe('checkBoundaries', () => {
  it('lets imports go down', () => {
    expect(check('packages/runtime/src/a.ts', "import { x } from '@g3/backend'")).toEqual([])
    expect(check('packages/runtime/src/auto.ts', "const k = await import('@g3/kernels-cpu')")).toEqual([])
    expect(check('apps/demo/src/a.ts', "import { x } from '@g3/runtime'")).toEqual([])
  })

  it('stops imports that go up or sideways', () => {
    expect(check('packages/backend/src/a.ts', "import { x } from '@g3/runtime'")).toHaveLength(1)
    expect(check('packages/kernels-cpu/src/a.ts', "import type { x } from '@g3/runtime'")).toHaveLength(1)
    expect(check('packages/runtime/src/model/a.ts', "import { x } from '@g3/kernels-cpu'")).toHaveLength(1)
    expect(check('packages/runtime/src/a.ts', "import { x } from '../../backend/src/a.js'")).toHaveLength(1)
  })

  it('keeps Node out of what a page can reach', () => {
    expect(check('packages/runtime/src/a.ts', "import fs from 'node:fs'")).toHaveLength(1)
    expect(check('packages/kernels-cpu/src/node-workers.ts', "import fs from 'node:fs'")).toEqual([])
    expect(check('packages/runtime/src/a.test.ts', "import fs from 'node:fs'")).toEqual([])
  })

  it('asks for declared dependencies and for .js', () => {
    expect(check('packages/runtime/src/a.ts', "import x from 'left-pad'")).toHaveLength(1)
    expect(check('packages/runtime/src/a.ts', "import x from './b'")).toHaveLength(1)
  })

  it('finds run-time cycles and forgives type-only ones', () => {
    const files = (kind) => [
      { path: 'packages/runtime/src/a.ts', text: "import { b } from './b.js'" },
      { path: 'packages/runtime/src/b.ts', text: `import ${kind}{ a } from './a.js'` },
    ]
    expect(checkBoundaries(files(''), () => manifest)).toHaveLength(1)
    expect(checkBoundaries(files('type '), () => manifest)).toEqual([])
  })
})

it('findCycles names the whole way round', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c']],
    ['c', ['a']],
  ])
  expect(findCycles(graph)).toEqual([['a', 'b', 'c', 'a']])
})
