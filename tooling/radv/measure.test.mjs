import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BUDGET, kernelsIn, measure, missing } from './measure.mjs'

/** How much longer a kernel may become unnoticed. */
const MORE_INSTRUCTIONS = 1.05

const lack = missing()
if (lack !== '') console.warn(`skipped: what a GPU's compiler makes of the kernels cannot be measured without ${lack}`)

describe.skipIf(lack !== '')('what an AMD GPU would run', () => {
  it('each kernel keeps to its budget, and no register is spilled', ({ skip }) => {
    const budget = JSON.parse(readFileSync(BUDGET, 'utf8'))
    const { driver, kernels } = measure()
    for (const [name, { spills, scratch }] of Object.entries(kernels)) {
      expect(spills, name).toBe(0)
      expect(scratch, name).toBe(0)
    }
    const hint = 'kernels came or went: node tooling/radv/measure.mjs --update'
    expect(Object.keys(kernels).sort(), hint).toEqual(Object.keys(budget.kernels).sort())
    skip(driver !== budget.driver, `the budget is ${budget.driver}'s, this is ${driver}`)
    for (const [name, { instructions }] of Object.entries(kernels)) {
      expect(instructions, name).toBeLessThanOrEqual(budget.kernels[name].instructions * MORE_INSTRUCTIONS)
    }
  }, 300_000)
})

describe('kernels in what Dawn prints', () => {
  it('pairs WGSL that has a name with the SPIR-V that follows, and numbers those of one name', () => {
    const spirv = (id) => `info:\n/* Dumped SPIRV disassembly */\n; SPIR-V\nOpCapability Shader\nOpName %${id}\n`
    const wgsl = (name) => `info:\n// Dumped WGSL:\n${name}\nfn main() {}\n`
    const output = wgsl('// kernel: a b') + spirv(1) + wgsl('') + spirv(2) + wgsl('// kernel: a b') + spirv(3)
    const text = (id) => expect.stringContaining(`OpName %${id}`)
    expect([...kernelsIn(output)]).toEqual([
      ['a b', text(1)],
      ['a b 2', text(3)],
    ])
  })
})
