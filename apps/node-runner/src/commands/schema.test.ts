import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

describe('grammars', () => {
  let folder = ''
  const file = (name: string, content: unknown): string => {
    const path = join(folder, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'g3-schema-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const SCHEMA = {
    type: 'object',
    properties: { kind: { enum: ['one', 'two'] }, count: { type: 'integer', minimum: 0, maximum: 99 } },
    required: ['kind', 'count'],
    additionalProperties: false,
  }

  it('checks a schema and instances, in any order and spacing', async () => {
    const paths = [file('good.json', '{\n "count": 7,\n "kind":"two" }'), file('bad.json', { kind: 'three', count: 1 })]
    const { code, stdout } = await g3([
      'schema',
      'check',
      file('schema.json', SCHEMA),
      ...paths,
      '--json',
      '--model',
      TINY,
    ])
    expect(code).toBe(0)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      supported: true,
      instances: paths.map((path, i) => ({ file: path, accepted: i === 0 })),
    })
    for (const { maxMaskUs, meanMaskUs } of report.instances) expect(maxMaskUs).toBeGreaterThanOrEqual(meanMaskUs)
    expect(report.compileMs).toBeGreaterThan(0)
  })

  it('tells why a schema cannot be enforced, without a model', async () => {
    const { code, stdout } = await g3([
      'schema',
      'check',
      file('far.json', { items: { $ref: 'https://else.where/' } }),
      '--json',
    ])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      supported: false,
      reason: expect.stringMatching(/^\$ref at #\/items/),
      instances: [],
    })
    const { code: failed, stderr } = await g3(['schema', 'check', file('broken.json', '{')])
    expect([failed, stderr]).toEqual([1, expect.stringContaining('cli/bad-json')])
  })

  it('holds an answer to a schema, a regular expression and a grammar', async () => {
    const run = async (...args: string[]): Promise<string> =>
      (await g3(['run', '--model', TINY, ...args, 'abc'])).stdout
    const value = JSON.parse(await run('--schema', file('schema.json', SCHEMA)))
    expect(SCHEMA.properties.kind.enum).toContain(value.kind)
    expect(value.count).toBeLessThan(100)
    expect(await run('--regex', '[a-f]{3}-\\d')).toMatch(/^[a-f]{3}-\d\n$/)
    expect(await run('--grammar', file('pairs.gbnf', 'root ::= "(" [xy]{4} ")"'))).toMatch(/^\([xy]{4}\)\n$/)
    const both = await g3(['run', '--model', TINY, '--regex', 'a', '--grammar', 'b', 'abc'])
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('cannot be used with')])
  })
})
