import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { adapterFlag } from '../options.js'
import { g3, TINY } from '../testing/g3.js'

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../../packages/runtime/fixtures/lora/${name}`, import.meta.url))
const RUN = ['run', '--model', TINY, '--backend', 'cpu', '--max-tokens', '6', '--temperature', '0', '--json'] as const

describe('--lora', () => {
  it.each([
    ['a.gguf', 'a.gguf', 1],
    ['a.gguf=0.5', 'a.gguf', 0.5],
    ['a=b.gguf', 'a=b.gguf', 1],
    ['a=1=-2e-1', 'a=1', -0.2],
  ])('%s is the file %s, times %s', (text, path, scale) => {
    expect(adapterFlag(text, [{ path: 'x', scale: 1 }])).toEqual([
      { path: 'x', scale: 1 },
      { path, scale },
    ])
  })

  it('changes the answer, and a scale of 0 does not', async () => {
    const ids = async (...more: readonly string[]): Promise<unknown> => {
      const { stdout, stderr } = await g3([...RUN, ...more, 'the words'])
      const report: { readonly ids?: unknown } = stdout ? JSON.parse(stdout) : expect.fail(stderr)
      return report.ids
    }
    const plain = await ids()
    const [all, attention] = [fixture('all.gguf'), fixture('attn.gguf')]
    expect(await ids('--lora', `${all}=0`)).toEqual(plain)
    expect(await ids('--lora', `${all}=1.5`, '--lora', `${attention}=-1`)).not.toEqual(plain)
  })

  it('refuses what is no adapter in a line with its code', async () => {
    const { code, stderr } = await g3([...RUN, '--lora', TINY, 'hello'])
    expect(code).toBe(1)
    expect(stderr).toContain('lora/not-an-adapter')
    expect((await g3([...RUN, '--lora', 'nowhere.gguf', 'hello'])).stderr).toContain('cli/missing-file')
  })
})
