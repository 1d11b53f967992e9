import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fences } from './testing/fences.ts'
import { program } from './testing/program.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const fixtures = join(root, 'packages/runtime/fixtures')
// Under this package, so that programs find what it depends on.
const folder = fileURLToPath(new URL('../generated/guides', import.meta.url))

const texts = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const blocks = texts.flatMap((path) =>
  fences(readFileSync(join(root, path), 'utf8')).map((fence) => ({
    ...fence,
    from: `${path}:${fence.line}`,
    file: join(folder, `${path.replaceAll(/\W/g, '-')}-${fence.line}.ts`),
  })),
)
const whole = process.env.G3_TESTS === 'whole'
const runnable = blocks.filter(({ flags }) => flags.includes('run') && (whole || !flags.includes('whole')))

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // `export {}` makes a block without imports a module, so that names of one do not meet those of another.
  for (const { file, code } of blocks) writeFileSync(file, `${code}\nexport {}\n`)
  copyFileSync(join(fixtures, 'tiny-random/tiny-text-f32.gguf'), join(folder, 'gemma-3-270m.gguf'))
  copyFileSync(join(fixtures, 'lora/all.gguf'), join(folder, 'adapter.gguf'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('has types that fit in all blocks of TypeScript and all programs', () => {
  expect(blocks.length).toBeGreaterThan(8)
  const config = join(folder, 'tsconfig.json')
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tooling/tsconfig/base.json'),
      compilerOptions: {
        noEmit: true,
        allowImportingTsExtensions: true,
        emitDeclarationOnly: false,
        declaration: false,
        noUnusedLocals: false,
        types: ['node'],
      },
      include: ['*.ts', '../../programs/*.ts'],
    }),
  )
  let problems = ''
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config])
  } catch (error) {
    problems = String(error instanceof Error && 'stdout' in error ? error.stdout : error)
  }
  expect(problems).toBe('')
})

it.each(runnable)(
  'runs $from',
  async ({ file }) => {
    expect((await program(file, [], folder)).trim()).not.toBe('')
  },
  300_000,
)

it('has links in guides that lead to files', () => {
  const dead = texts.flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].flatMap(([, to = '']) => {
      const at = join(root, path, '..', to)
      try {
        readFileSync(at)
        return []
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'EISDIR' ? [] : [`${path}: ${to}`]
      }
    }),
  )
  expect(dead).toEqual([])
})
