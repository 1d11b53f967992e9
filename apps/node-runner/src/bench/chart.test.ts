import { describe, expect, it } from 'vitest'
import { bar, charts, figure, type Style } from './chart.js'

describe('bar', () => {
  it.each([
    [0, ''],
    [1 / 32, '▏'],
    [0.5, '██'],
    [0.625, '██▌'],
    [1, '████'],
    [7, '████'],
    [-1, ''],
  ])('%f of four cells', (share, drawn) => expect(bar(share, 4)).toBe(drawn))
})

it('figures keep three digits', () => {
  expect([1095.2, 99.96, 99.94, 12.34, 9.996, 1.5].map(figure)).toEqual(['1095', '100', '99.9', '12.3', '10.0', '1.50'])
})

const LIST = [
  {
    title: 'prefill, tokens a second',
    ratioTitle: 'g3 / it',
    rows: [
      { label: 'g3', value: 1000, isMain: true, range: [990, 1010] as const },
      { label: 'node-llama-cpp', value: 500, range: [400, 510] as const, ratio: 2 },
    ],
  },
  { title: 'batch', rows: [{ label: '8 sequences', value: 50, ratio: 3.5 }] },
]

it('columns are aligned and fit a terminal', () => {
  expect(charts(LIST)).toBe(
    [
      'prefill, tokens a second                                  least to most  g3 / it',
      `  g3              1000  ${'█'.repeat(32)}    990 to 1010`,
      `  node-llama-cpp   500  ${'█'.repeat(16)}${' '.repeat(16)}     400 to 510    2.00x`,
      '',
      'batch',
      `  8 sequences     50.0  ${'█'.repeat(32)}                   3.50x`,
      '',
    ].join('\n'),
  )
})

it('a long label takes from the bars, not from the figures', () => {
  const label = 'g3:chromium:plain:precise:threads=64'
  const [, line] = charts([{ title: 'x', rows: [{ label, value: 2, range: [1, 3], ratio: 1 }] }]).split('\n')
  expect(line).toMatch(/^ {2}g3:chromium:plain:precise:threads=64 {2}2\.00 {2}█{8,} +1\.00 to 3\.00 +1\.00x$/)
})

it('colour changes no column', () => {
  const style: Style = {
    title: (text) => `<${text}>`,
    bar: (text, isMain) => (isMain ? `<${text}>` : text),
    aside: (text) => `<${text}>`,
    ratio: (text, value) => (value >= 1 ? `<${text}>` : text),
  }
  const plain = charts(LIST).split('\n')
  const styled = charts(LIST, style).replace(/[<>]/g, '').split('\n')
  expect(styled.map((line) => line.trimEnd())).toEqual(plain)
})
