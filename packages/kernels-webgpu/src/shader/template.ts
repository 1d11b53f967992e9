/** What a template's names stand for. */
export type Values = Readonly<Record<string, string | number | boolean>>

/**
 * Fills in a shader's template:
 *
 * - `${name}` is replaced by its value,
 * - the lines between `#for i count` and `#end` are repeated with i = 0, 1, …; so what a loop indexes are registers,
 * - the lines between `#each i count` and `#end` are repeated likewise with `i` a constant where UNROLLED is true; otherwise
 *   they become a loop that no compiler unrolls,
 * - the lines between `#if name` and `#end` stay where the value is true or not 0; `#else` has the others. `#if !name`
 *   is the reverse.
 *
 * @throws TypeError for a name without a value: that is a mistake in the template
 */
export function render(template: string, values: Values): string {
  const lines = template.split('\n')
  const out: string[] = []
  renderLines(lines, 0, lines.length, values, out)
  return out.join('\n')
}

function renderLines(lines: readonly string[], from: number, to: number, values: Values, out: string[]): void {
  for (let at = from; at < to; at++) {
    const [directive, name = '', count = ''] = lines[at].split(' ')
    if (directive === '#for' || directive === '#each') {
      const end = endOf(lines, at, '#end')
      const times = Number(/^\d/.test(count) ? count : lookUp(values, count))
      if (directive === '#for') {
        for (let i = 0; i < times; i++) renderLines(lines, at + 1, end, { ...values, [name]: i }, out)
      } else if (lookUp(values, 'UNROLLED')) {
        for (let i = 0; i < times; i++) renderBlock(`{ const ${name} = ${i}u;`, lines, at + 1, end, values, out)
      } else {
        renderBlock(`for (var ${name} = 0u; ${name} < ${times}u * once(); ${name}++) {`, lines, at + 1, end, values, out)
      }
      at = end
    } else if (directive === '#if') {
      const end = endOf(lines, at, '#end')
      const middle = endOf(lines, at, '#else')
      const holds = name.startsWith('!') ? !lookUp(values, name.slice(1)) : Boolean(lookUp(values, name))
      if (holds) renderLines(lines, at + 1, middle, values, out)
      else if (middle < end) renderLines(lines, middle + 1, end, values, out)
      at = end
    } else {
      out.push(lines[at].replace(/\$\{(\w+)\}/g, (_, key: string) => String(lookUp(values, key))))
    }
  }
}

function renderBlock(
  head: string,
  lines: readonly string[],
  from: number,
  to: number,
  values: Values,
  out: string[],
): void {
  out.push(head)
  renderLines(lines, from, to, values, out)
  out.push('}')
}

/** Where the block that begins at `start` has its `mark`; its `#end` where there is none. */
function endOf(lines: readonly string[], start: number, mark: '#else' | '#end'): number {
  let depth = 0
  for (let at = start + 1; at < lines.length; at++) {
    const [directive] = lines[at].split(' ')
    if (depth === 0 && (directive === mark || directive === '#end')) return at
    if (directive === '#for' || directive === '#each' || directive === '#if') depth++
    if (directive === '#end') depth--
  }
  throw new TypeError(`a block of a shader template has no #end: ${lines[start]}`)
}

function lookUp(values: Values, name: string): string | number | boolean {
  const value = values[name]
  if (value === undefined) throw new TypeError(`a shader template names ${name}, which has no value`)
  return value
}
