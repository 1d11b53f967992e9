import { describe, expect, it } from 'vitest'
import { constraints, type Constraint } from './constraint.js'
import { compileGbnf } from './gbnf/compile.js'
import type { Grammar } from './part.js'
import { compileRegex } from './regex/grammar.js'
import { testVocabulary, tokenOf } from './testing/pieces.js'

const vocabulary = testVocabulary()
const startOf = (grammar: Grammar): Constraint => constraints(grammar, vocabulary).start()
const utf8 = new TextEncoder()

/** Accepts a text byte by byte. */
function write(constraint: Constraint, text: string): Constraint {
  for (const byte of utf8.encode(text)) constraint.accept(byte + 1)
  return constraint
}

function allowed(constraint: Constraint): number[] {
  const mask = new Uint32Array(vocabulary.words).fill(0xffffffff)
  constraint.mask(mask)
  return Array.from({ length: vocabulary.size }, (_, id) => id).filter(
    (id) => ((mask[id >> 5] >>> (id & 31)) & 1) === 1,
  )
}

const JSON_GRAMMAR = `
# Values of JSON without escapes
root   ::= value
value  ::= object | "[" (value (", " value)*)? "]" | string | number | "true" | "false" | "null"
object ::= "{" (pair (", " pair)*)? "}"
pair   ::= string ": " value
string ::= "\\"" [^"\\\\\\x00-\\x1F]* "\\""
number ::= "-"? [0-9]+ ("." [0-9]+)?
`

describe('constraint', () => {
  it.each([
    [
      'a grammar that recurs',
      compileGbnf(JSON_GRAMMAR),
      ['', '{', '{"na', '{"a": [1', '{"a": {"b": "日', '[[], 1', '"abc"'],
    ],
    ['a regular expression', compileRegex('"?[a-zé日本]{0,5}"?(, |x)*😀?'), ['', '"', 'ab', 'abc"', '"a", ', 'aaaaa']],
    [
      'ambiguous rules',
      compileGbnf('root ::= a | b\na ::= "(" a ")" | [a-c]*\nb ::= "(" b ")" | "ab" "x"*'),
      ['', '(', '((ab', '(ab)'],
    ],
  ])('masks just the tokens that can come one by one: %s', (_, grammar, texts) => {
    for (const text of texts) {
      const constraint = write(startOf(grammar), text)
      for (let again = 0; again < 2; again++)
        expect(allowed(constraint)).toEqual(
          Array.from({ length: vocabulary.size }, (_, id) => id).filter((id) => constraint.allows(id)),
        )
    }
  })

  it('allows what fits and the end where it is complete', () => {
    const constraint = write(startOf(compileGbnf(JSON_GRAMMAR)), '{"a": [1, true')
    expect(constraint.isComplete()).toBe(false)
    expect(constraint.allows(0)).toBe(false)
    constraint.accept(tokenOf(']}'))
    expect(constraint.isFinished()).toBe(true)
    expect(allowed(constraint)).toEqual([0])
    constraint.accept(0)
    expect(allowed(constraint)).toEqual([0])
  })

  it('refuses a token that may not come and stays as it was', () => {
    const constraint = write(startOf(compileRegex('a+')), 'a')
    for (const id of [tokenOf('x'), -1, 0.5, NaN, vocabulary.size])
      expect(() => constraint.accept(id)).toThrow(expect.objectContaining({ code: 'grammar/refused-token' }))
    expect(constraint.length).toBe(1)
    expect(write(constraint, 'aa').isComplete()).toBe(true)
  })

  it('goes back, and goes two ways from one place', () => {
    const one = write(startOf(compileGbnf('root ::= "(" root ")" | "x"')), '((')
    const other = write(one.clone(), 'x))')
    expect(other.isFinished()).toBe(true)
    expect(one.isComplete()).toBe(false)
    one.rewind(1)
    expect(write(one, 'x)').isFinished()).toBe(true)
    expect(() => one.rewind(9)).toThrow(expect.objectContaining({ code: 'grammar/length' }))
  })

  it('tells the only way on in the longest pieces, and leaves open what could be spelled longer', () => {
    const forced = startOf(compileRegex('\\{"name": (true|null), "b": [0-9]'))
    expect(forced.forced()).toEqual([tokenOf('{"'), tokenOf('name'), tokenOf('": ')])
    expect(startOf(compileRegex('\\{"na(me|x)')).forced()).toEqual([tokenOf('{"')])
    expect(startOf(compileRegex('a*')).forced()).toEqual([])
    expect(write(startOf(compileRegex('(true)+')), 'true').forced()).toEqual([])
  })

  it('spells forced text as the model does where it is told how', () => {
    const encode = (text: string): number[] => Array.from(utf8.encode(text), (byte) => byte + 1)
    const { start } = constraints(compileRegex('true!'), { ...vocabulary, encode })
    expect(start().forced()).toEqual(encode('true!'))
    const wrong = constraints(compileRegex('true!'), { ...vocabulary, encode: () => [5] })
    expect(wrong.start().forced()).toEqual([tokenOf('true'), 0x22])
  })
})

describe('compileGbnf', () => {
  it.each([
    ['root ::= "a"{2,3}', ['aa', 'aaa'], ['a', 'aaaa']],
    ['root ::= ("(" root ")"){0,2} "x"?', ['', 'x', '()', '(x)()x'], ['(', '()()()']],
    ['root ::= [^a-z\\n] . "\\u00e9\\U0001F600\\t\\x41"', ['A-é😀\tA', '\t\né😀\tA'], ['aaé😀\tA']],
    ['root ::= x | y # choice\nx ::= "1"\n  | "2"\ny-2 ::= "4"\ny ::= y-2', ['1', '2', '4'], ['3', '12']],
    ['root ::= "a" root | "b" dead | "c"\ndead ::= "d" dead', ['c', 'aac'], ['bd', 'b']],
    ['root ::= item*\nitem ::= "(" item ")" | ""', ['', '()', '(())()'], ['(']],
  ])('%s', (source, fits, misfits) => {
    const reads = (text: string): boolean => {
      const constraint = startOf(compileGbnf(source))
      for (const byte of utf8.encode(text)) {
        if (!constraint.allows(byte + 1)) return false
        constraint.accept(byte + 1)
      }
      return constraint.isComplete()
    }
    for (const text of fits) expect([text, reads(text)]).toEqual([text, true])
    for (const text of misfits) expect([text, reads(text)]).toEqual([text, false])
  })

  it.each([
    ['a ::= "b"', 'grammar/bad-grammar'],
    ['root ::= missing', 'grammar/bad-grammar'],
    ['root ::= "a', 'grammar/bad-grammar'],
    ['root ::= [a', 'grammar/bad-grammar'],
    ['root ::= ("a"', 'grammar/bad-grammar'],
    ['root ::= "a")', 'grammar/bad-grammar'],
    ['root ::= "a"\nroot ::= "b"', 'grammar/bad-grammar'],
    ['root ::= "\\u12"', 'grammar/bad-grammar'],
    ['root ::= "a"{3,2}', 'grammar/bad-grammar'],
    ['root "a"', 'grammar/bad-grammar'],
    ['root ::= root "a" | "b"', 'grammar/unsupported'],
    ['root ::= a "x" | "c"\na ::= "y"? root', 'grammar/unsupported'],
    ['root ::= "a" root', 'grammar/empty'],
    [`root ::= ${'('.repeat(200)}`, 'grammar/too-large'],
    [`root ::= "a"${'*'.repeat(200)}`, 'grammar/too-large'],
    ['root ::= "a"{99999}', 'grammar/too-large'],
    ['root ::= ((a{1000}){1000}){1000}\na ::= "(" a ")" | "x"', 'grammar/too-large'],
  ])('refuses %s with %s', (source, code) => {
    expect(() => compileGbnf(source)).toThrow(expect.objectContaining({ code }))
  })
})
