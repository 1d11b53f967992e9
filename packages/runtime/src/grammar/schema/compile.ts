import { check } from '@g3/backend'
import { any, text, type Grammar, type Part } from '../part.js'
import { automaton as automatonOf } from '../regular/automaton.js'
import { languages as languagesOf } from '../regular/languages.js'
import { arrayPart } from './array-part.js'
import { fitter } from './fits.js'
import { excluder } from './impossible.js'
import { isSchema, type Schema } from './json.js'
import { numbers } from './numbers.js'
import { objectPart, type Emitting, type Order } from './object-part.js'
import { reading as readingOf } from './positive.js'
import { isProductive, productiveRules } from './productive.js'
import { references } from './references.js'
import { isStandardSchema, jsonSchemaOf } from './standard.js'
import { shapesOf, type Shape } from './shapes.js'
import { signs, spacing, type Whitespace } from './spacing.js'
import { worlds as worldsOf, type Worlds } from './worlds.js'

export interface SchemaOptions {
  /** Default `single`: one space after each comma and colon. */
  readonly whitespace?: Whitespace
  /** Default `schema`: members come in the order in which the schema lists them. */
  readonly order?: Order
  /**
   * Whether objects that list members take others, too, where nothing is said of others. Default: true for a JSON Schema,
   * as its specification has it, and false for a Standard Schema, whose types know no others.
   */
  readonly open?: boolean
}

/**
 * The JSON texts that a JSON Schema (draft 2020-12; older keywords are understood, too) accepts, or a Standard Schema that
 * converts itself to one. They have one spelling: strings
 * as JSON.stringify escapes them, numbers of at most 20 digits before and after the point, spaces as the options say.
 *
 * A schema becomes a union of conjunctions (`worlds.ts`), so that allOf, not, if and oneOf need no code of their own
 * further on; each set of demands on a value becomes a rule.
 * @throws G3Error `grammar/unsupported` naming the keyword and the path of what cannot be enforced from left to right;
 * `grammar/bad-schema`, `grammar/too-large`, `grammar/empty`
 */
export function compileSchema(
  source: unknown,
  { whitespace = 'single', order = 'schema', open = !isStandardSchema(source) }: SchemaOptions = {},
): Grammar {
  const document = jsonSchemaOf(source)
  check(isSchema(document), 'grammar/bad-schema', 'a JSON Schema is an object or a boolean')
  const schema: Schema = document
  const languages = languagesOf()
  const automaton = automatonOf(languages)
  const reading = readingOf(languages, numbers(languages))
  const known = references(schema)
  const excludes = excluder(
    automaton,
    () => worlds,
    (world) => world.values?.some((value) => fits(value, { ...world, values: undefined })) === true,
  )
  const worlds: Worlds = worldsOf(known, reading, excludes)
  const fits = fitter(automaton, worlds)
  const shapes = shapesOf(
    { place: known.root, holds: true },
    { automaton, reading, worlds, fits, open, spacing: spacing(whitespace) },
  )
  const productive = productiveRules(shapes, automaton)
  check(
    productive.has(0),
    'grammar/empty',
    'no value fits this schema: it contradicts itself, recurs without end, or excludes values in a way that cannot be enforced',
  )

  const emitting: Emitting = {
    automaton,
    signs: signs(languages, whitespace),
    order,
    rules: productive,
    partOf: (rule) => scalars(shapes.rules[rule]) ?? { kind: 'rule', rule },
  }
  /** A rule of nothing but texts is one text. */
  const scalars = (forms: readonly Shape[]): Part | undefined => {
    const found = forms.flatMap((form) => (form.kind === 'text' ? [form.language] : []))
    return found.length === forms.length ? text(languages.union(found)) : undefined
  }
  const partOf = (form: Shape, id: string): Part => {
    switch (form.kind) {
      case 'text':
        return text(form.language)
      case 'object':
        return objectPart(form, id, emitting)
      case 'array':
        return arrayPart(form, id, emitting)
      default:
        return form satisfies never
    }
  }
  const rules = shapes.rules.map((forms, rule) =>
    any(
      forms
        .map((form, i) => [form, `${rule}.${i}`] as const)
        .filter(([form]) => isProductive(form, productive, automaton))
        .map(([form, id]) => partOf(form, id)),
    ),
  )
  return { automaton, rules, root: emitting.partOf(0) }
}
