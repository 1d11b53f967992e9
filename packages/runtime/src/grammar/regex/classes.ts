import { complementOf, EVERY, type CodePoints } from '../regular/code-points.js'

const DIGIT: CodePoints = [[0x30, 0x39]]
const WORD: CodePoints = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const SPACE: CodePoints = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const LINE_END: CodePoints = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]

/** What `.` stands for. */
export const NOT_LINE_END: CodePoints = complementOf(LINE_END)

/** `\d` and its like, by their letter. */
export const CLASSES: ReadonlyMap<string, CodePoints> = new Map([
  ['d', DIGIT],
  ['D', complementOf(DIGIT)],
  ['w', WORD],
  ['W', complementOf(WORD)],
  ['s', SPACE],
  ['S', complementOf(SPACE)],
])

export const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['0', 0],
])

/** The characters of `\p{name}`, as this engine's Unicode has them; undefined where it knows no such property. */
export function property(name: string): CodePoints | undefined {
  if (!/^[A-Za-z_]+(?:=[A-Za-z_]+)?$/.test(name)) return undefined
  let test: RegExp
  try {
    test = new RegExp(`^\\p{${name}}$`, 'u')
  } catch {
    return undefined
  }
  const ranges: [number, number][] = []
  for (const [from, to] of EVERY)
    for (let at = from; at <= to; at++) {
      if (!test.test(String.fromCodePoint(at))) continue
      const last = ranges.at(-1)
      if (last && last[1] === at - 1) last[1] = at
      else ranges.push([at, at])
    }
  return ranges
}
