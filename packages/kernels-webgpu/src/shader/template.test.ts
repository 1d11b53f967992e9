import { describe, expect, it } from 'vitest'
import { render } from './template.js'

const lines = (...text: string[]): string => text.join('\n')

describe('render', () => {
  it('fills in names', () => {
    expect(render('let ${W}_sum = ${COUNT}u;', { W: 'gate', COUNT: 3 })).toBe('let gate_sum = 3u;')
  })

  it('repeats #for, nested and by a named count', () => {
    const template = lines('#for i COUNT', '#for j 2', 'a${i}${j}', '#end', '#end', 'b')
    expect(render(template, { COUNT: 2 })).toBe(lines('a00', 'a01', 'a10', 'a11', 'b'))
  })

  it('writes #each out or as a loop that no compiler unrolls', () => {
    const template = lines('#each i 2', 'x += i;', '#end')
    expect(render(template, { UNROLLED: true })).toBe(
      lines('{ const i = 0u;', 'x += i;', '}', '{ const i = 1u;', 'x += i;', '}'),
    )
    expect(render(template, { UNROLLED: false })).toBe(
      lines('for (var i = 0u; i < 2u * once(); i++) {', 'x += i;', '}'),
    )
  })

  it.each([
    [{ MIN: true }, 'yes'],
    [{ MIN: false }, 'no'],
    [{ MIN: 2 }, 'yes'],
    [{ MIN: 0 }, 'no'],
  ])('chooses by #if: %o', (values, want) => {
    expect(render(lines('#if MIN', 'yes', '#else', 'no', '#end'), values)).toBe(want)
    expect(render(lines('#if !MIN', 'no', '#end', '#if MIN', 'yes', '#end'), values)).toBe(want)
  })

  it('an #else belongs to the nearest #if', () => {
    const template = lines('#if A', '#if B', 'both', '#else', 'only a', '#end', '#end')
    expect(render(template, { A: true, B: false })).toBe('only a')
    expect(render(template, { A: false, B: false })).toBe('')
  })

  it('refuses names without a value and blocks without an end', () => {
    expect(() => render('${W}', {})).toThrow(/names W/)
    expect(() => render(lines('#if A', 'x'), { A: true })).toThrow(/no #end/)
  })
})
