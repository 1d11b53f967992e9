import type { Automaton } from '../regular/automaton.js'
import { NONE } from '../regular/node.js'
import { canonical, isList, isObject, type Json } from './json.js'
import { content, itemDemands, nameDemands } from './members.js'
import { closed } from './unevaluated.js'
import { TYPES, type ArrayDemand, type ObjectDemand, type Term, type World } from './world.js'
import type { Worlds } from './worlds.js'

/** Tells whether values that a schema lists meet its other demands: a validator, on what the compiler knows anyway. */
export function fitter(automaton: Automaton, worlds: Worlds): (value: Json, world: World) => boolean {
  const utf8 = new TextEncoder()
  const matches = (languages: World['strings'], text: string): boolean => {
    const bytes = utf8.encode(text)
    return languages.every((language) => automaton.matches(language, bytes))
  }

  const meets = (value: Json, terms: readonly Term[]): boolean => worlds.of(terms).some((world) => fits(value, world))

  const fitsObject = (value: { readonly [name: string]: Json }, demands: readonly ObjectDemand[]): boolean => {
    const names = Object.keys(value)
    const { termsOf } = nameDemands(
      demands.map((demand) => ({ ...demand, everyName: undefined })),
      automaton,
      NONE,
      () => NONE,
    )
    return (
      demands.every(
        ({ min, max, required }) =>
          names.length >= min && names.length <= max && required.every((name) => Object.hasOwn(value, name)),
      ) &&
      demands.every(({ everyName }) => !everyName || names.every((name) => meets(name, [everyName]))) &&
      names.every((name) => meets(value[name], termsOf(name)))
    )
  }

  const fitsArray = (value: readonly Json[], demands: readonly ArrayDemand[]): boolean => {
    const { termsAt } = itemDemands(demands)
    const count = (term: Term): number => value.filter((item) => meets(item, [term])).length
    return (
      demands.every(
        ({ min, max, unique }) =>
          value.length >= min &&
          value.length <= max &&
          (!unique || new Set(value.map(canonical)).size === value.length),
      ) &&
      demands.every(
        ({ contains }) => !contains || (count(contains.term) >= contains.min && count(contains.term) <= contains.max),
      ) &&
      value.every((item, i) => meets(item, termsAt(i)))
    )
  }

  const fits = (value: Json, world: World): boolean => {
    const is = (type: keyof typeof TYPES): boolean => (world.types & TYPES[type]) !== 0
    if (world.values && !world.values.some((other) => canonical(other) === canonical(value))) return false
    if (value === null) return is('null')
    if (typeof value === 'boolean') return is('boolean')
    if (typeof value === 'number') return is('number') && matches(world.numbers, plainNumber(value))
    if (typeof value === 'string') {
      const length = Array.from(value).length
      return (
        is('string') && length >= world.minLength && length <= world.maxLength && matches(world.strings, content(value))
      )
    }
    const { objects, arrays } = closed(world)
    if (isList(value)) return is('array') && fitsArray(value, arrays)
    return isObject(value) && is('object') && fitsObject(value, objects)
  }
  return fits
}

/** A number without an exponent. */
const plainNumber = (value: number): string =>
  /e/.test(String(value)) ? value.toFixed(20).replace(/\.?0+$/, '') : String(value)
