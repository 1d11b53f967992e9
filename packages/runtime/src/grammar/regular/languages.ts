import { check } from '@g3/backend'
import { byteSet, edgesOf, unionOf, type ByteSet } from './byte-set.js'
import { ALL, EMPTY, NONE, type Language, type Node } from './node.js'

/** Makes languages out of others. Terms that are plainly equal come out as one. */
export interface Languages {
  node(language: Language): Node
  readonly size: number
  bytes(set: ByteSet): Language
  /** One byte. */
  single(byte: number): Language
  literal(text: string): Language
  sequence(...items: readonly Language[]): Language
  union(items: readonly Language[]): Language
  intersection(items: readonly Language[]): Language
  repeat(item: Language, min: number, max: number): Language
  not(item: Language): Language
  /**
   * Says that a language is all that there is wherever it stands in a union or an intersection by itself: the others
   * there are parts of it, or complements within it.
   */
  universe(language: Language): Language
  /** Decimal digits that, after digits of this remainder, make a multiple; `.` and `-` are passed over. */
  multiple(divisor: number, remainder: number): Language
}

/** Some 60 MB of terms: far more than any schema of use needs, and quickly reached by one made to grow. */
const MOST_TERMS = 300_000
const NO_EDGES = byteSet()
const NUMBER_EDGES = edgesOf(
  byteSet([0x2d, 0x2d], [0x2e, 0x2e], ...Array.from({ length: 5 }, (_, i) => [0x30 + 2 * i, 0x30 + 2 * i] as const)),
)
const ANY_BYTE = byteSet([0, 255])

/** @throws G3Error from any of its functions: `grammar/too-large` */
export function languages(): Languages {
  const nodes: Node[] = []
  const known = new Map<string, Language>()
  const utf8 = new TextEncoder()
  const singles: Language[] = []
  const literals = new Map<string, Language>()

  const universes = new Set<Language>()

  const intern = (key: string, make: () => Node): Language => {
    const found = known.get(key)
    if (found !== undefined) return found
    check(
      nodes.length < MOST_TERMS,
      'grammar/too-large',
      'the automaton of this grammar grows too large: use smaller counts, or fewer patterns in one place',
    )
    nodes.push(make())
    known.set(key, nodes.length - 1)
    return nodes.length - 1
  }

  const bytes = (set: ByteSet): Language => {
    if (set.every((word) => word === 0)) return NONE
    return intern(`b${set.join()}`, () => ({ kind: 'bytes', set, accepts: false, hidden: false, edges: edgesOf(set) }))
  }

  const single = (byte: number): Language => (singles[byte] ??= bytes(byteSet([byte, byte])))

  const pair = (first: Language, rest: Language): Language => {
    if (first === NONE || rest === NONE) return NONE
    if (first === EMPTY) return rest
    if (rest === EMPTY) return first
    const a = nodes[first]
    if (a.kind === 'sequence') return pair(a.first, pair(a.rest, rest))
    return intern(`s${first},${rest}`, () => {
      const b = nodes[rest]
      return {
        kind: 'sequence',
        first,
        rest,
        accepts: a.accepts && b.accepts,
        hidden: a.hidden || b.hidden,
        edges: a.accepts ? unionOf(a.edges, b.edges) : a.edges,
      }
    })
  }

  /** Flattens, sorts and drops repeats; sets of bytes become one. */
  const union = (parts: readonly Language[]): Language => {
    const items = new Set<Language>()
    let set: ByteSet | undefined
    const add = (part: Language): void => {
      const node = nodes[part]
      if (node.kind === 'union') node.items.forEach(add)
      else if (node.kind === 'bytes') set = set ? unionOf(set, node.set) : node.set
      else if (part !== NONE) items.add(part)
    }
    parts.forEach(add)
    if (items.has(ALL)) return ALL
    for (const universe of universes) if (items.has(universe)) return universe
    if (set) items.add(bytes(set))
    // What accepts the empty text already needs no other that does nothing else.
    if (items.has(EMPTY) && items.size > 1)
      for (const item of items)
        if (item !== EMPTY && nodes[item].accepts) {
          items.delete(EMPTY)
          break
        }
    return joined('union', [...items], NONE)
  }

  const intersection = (parts: readonly Language[]): Language => {
    const items = new Set<Language>()
    const excluded = new Set<Language>()
    const add = (part: Language): void => {
      const node = nodes[part]
      if (node.kind === 'intersection') node.items.forEach(add)
      else if (node.kind === 'not') excluded.add(node.item)
      else if (part !== ALL) items.add(part)
    }
    parts.forEach(add)
    // Several complements are that of a union, in which much is absorbed.
    const without = union([...excluded])
    const isVoid = items.has(NONE) || items.has(without) || without === ALL
    if (isVoid) return NONE
    for (const universe of universes) if (items.size > 1) items.delete(universe)
    if (without !== NONE) items.add(not(without))
    if (items.has(EMPTY)) return [...items].every((item) => nodes[item].accepts) ? EMPTY : NONE
    return joined('intersection', [...items], ALL)
  }

  const joined = (kind: 'union' | 'intersection', items: Language[], none: Language): Language => {
    if (items.length < 2) return items[0] ?? none
    items.sort((a, b) => a - b)
    return intern(`${kind}${items.join()}`, () => {
      const all = items.map((item) => nodes[item])
      const edges = new Int32Array(8)
      for (const node of all) for (let i = 0; i < 8; i++) edges[i] |= node.edges[i]
      return {
        kind,
        items,
        edges,
        accepts: kind === 'union' ? all.some(({ accepts }) => accepts) : all.every(({ accepts }) => accepts),
        hidden: kind === 'intersection' || all.some(({ hidden }) => hidden),
      }
    })
  }

  const repeat = (item: Language, min: number, max: number): Language => {
    if (max === 0 || item === EMPTY) return EMPTY
    if (item === NONE) return min === 0 ? EMPTY : NONE
    if (max === 1) return min === 1 ? item : union([item, EMPTY])
    const inner = nodes[item]
    if (inner.kind === 'repeat' && inner.min === 0 && inner.max === Infinity) return item
    const least = inner.accepts ? 0 : min
    return intern(`r${item},${least},${max}`, () => ({
      kind: 'repeat',
      item,
      max,
      min: least,
      accepts: least === 0,
      hidden: inner.hidden,
      edges: inner.edges,
    }))
  }

  const not = (item: Language): Language => {
    const inner = nodes[item]
    if (inner.kind === 'not') return inner.item
    if (item === NONE) return ALL
    if (item === ALL) return NONE
    return intern(`n${item}`, () => ({ kind: 'not', item, accepts: !inner.accepts, hidden: true, edges: inner.edges }))
  }

  const multiple = (divisor: number, remainder: number): Language =>
    intern(`m${divisor},${remainder}`, () => ({
      kind: 'multiple',
      divisor,
      remainder,
      accepts: remainder === 0,
      hidden: false,
      edges: NUMBER_EDGES,
    }))

  intern('none', () => ({ kind: 'union', items: [], accepts: false, hidden: false, edges: NO_EDGES }))
  intern('empty', () => ({ kind: 'empty', accepts: true, hidden: false, edges: NO_EDGES }))
  nodes.push({ kind: 'repeat', item: ALL + 1, min: 0, max: Infinity, accepts: true, hidden: false, edges: NO_EDGES })
  known.set(`r${bytes(ANY_BYTE)},0,Infinity`, ALL)

  return {
    node: (language) => nodes[language],
    get size() {
      return nodes.length
    },
    bytes,
    literal(text) {
      const found = literals.get(text) ?? utf8.encode(text).reduceRight((rest, byte) => pair(single(byte), rest), EMPTY)
      literals.set(text, found)
      return found
    },
    single,
    sequence: (...items) => items.reduceRight((rest, item) => pair(item, rest), EMPTY),
    union,
    intersection,
    repeat,
    not,
    multiple,
    universe(language) {
      universes.add(language)
      return language
    },
  }
}
