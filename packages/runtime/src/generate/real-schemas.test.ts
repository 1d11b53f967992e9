import { cpu } from '@g3/kernels-cpu'
import { describe, expect, it } from 'vitest'
import { constraints } from '../grammar/constraint.js'
import { compileSchema } from '../grammar/schema/compile.js'
import { realSchemas, validator } from '../grammar/testing/real-schemas.js'
import { promptLookup } from '../speculate/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { loadModel } from './load.js'

/** A small part of `lab/schemas.mjs`, which asks the real model a thousand times. */
describe('answers of a model under real schemas', () => {
  it('parse and validate, or are cut by the limit of tokens; guesses change none', async () => {
    await using backend = await cpu({ threads: 1 })
    const source = fixtureBytes('tiny-random/tiny-text-f32.gguf')
    await using model = await loadModel({ source, backend, context: 400, maxRows: 64 })
    let whole = 0
    for (const [name, schema] of realSchemas().slice(0, 14)) {
      const validate = validator(schema)
      const { start } = constraints(compileSchema(schema), model.vocabulary())
      const options = { temperature: 1, topK: 0, topP: 1, seed: 1, maxTokens: 300 }
      const { text, ids, stopReason } = await model.generate(`${name}: `, { ...options, constraint: start() }).result()
      expect(['stop', 'length']).toContain(stopReason)
      if (stopReason === 'length') continue
      whole++
      expect([name, text, validate(JSON.parse(text))]).toEqual([name, text, true])
      const speculate = promptLookup({ always: true })
      const again = await model.generate(`${name}: `, { ...options, constraint: start(), speculate }).result()
      expect(again.ids).toEqual(ids)
    }
    expect(whole).toBeGreaterThan(2)
  })
})
