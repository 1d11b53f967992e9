import { check } from '@g3/backend'
import { any, text, type Grammar, type Part } from '../part.js'
import { automaton as automatonOf, type Automaton } from '../regular/automaton.js'
import { languages as languagesOf } from '../regular/languages.js'
import { arrayPart } from './array-part.js'
import { fitter } from './fits.js'
import { excluder } from './impossible.js'
import { isSchema, type Schema } from './json.js'
import { numbers } from './numbers.js'
import { ARGUMENTS, objectPart, type Emitting, type Order } from './object-part.js'
import { reading as readingOf } from './positive.js'
import { isProductive, productiveRules } from './productive.js'
import { references } from './references.js'
import { isStandardSchema, jsonSchemaOf } from './standard.js'
import { shapesOf, type Shape } from './shapes.js'
import { signs, spacing, type Notation, type Whitespace } from './spacing.js'
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
export function compileSchema(source: unknown, options: SchemaOptions = {}): Grammar {
  const machine = automatonOf(languagesOf())
  const rules: Part[] = []
  const root = schemaPart(source, options, machine, rules)
  return { automaton: machine, rules, root }
}

/** How a schema's value is written as a part of a grammar. */
export interface SchemaPartOptions extends SchemaOptions {
  /** Default `json`. */
  readonly notation?: Notation
  /** Writes the value, an object, as the arguments of a call in Python: `(name="Peter", age=30)`. */
  readonly asArguments?: boolean
}

/**
 * A schema's values as a part of a grammar that has others beside it.
 * @param automaton the grammar's
 * @param into the grammar's rules, to which the schema's own are added
 * @throws G3Error as {@link compileSchema}
 */
export function schemaPart(
  source: unknown,
  {
    whitespace = 'single',
    order = 'schema',
    open = !isStandardSchema(source),
    notation = 'json',
    asArguments = false,
  }: SchemaPartOptions,
  automaton: Automaton,
  into: Part[],
): Part {
  const document = jsonSchemaOf(source)
  check(isSchema(document), 'grammar/bad-schema', 'a JSON Schema is an object or a boolean')
  const schema: Schema = document
  const { languages } = automaton
  const first = into.length
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
    { automaton, reading, worlds, fits, open, spacing: spacing(whitespace, notation) },
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
    partOf: (rule) => scalars(shapes.rules[rule]) ?? { kind: 'rule', rule: first + rule },
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
  for (const [rule, forms] of shapes.rules.entries())
    into.push(
      any(
        forms
          .map((form, i) => [form, `${first + rule}.${i}`] as const)
          .filter(([form]) => isProductive(form, productive, automaton))
          .map(([form, id]) => partOf(form, id)),
      ),
    )
  if (!asArguments) return emitting.partOf(0)
  const calls = shapes.rules[0].flatMap((form, i) =>
    form.kind === 'object' && isProductive({ ...form, others: [] }, productive, automaton)
      ? [objectPart({ ...form, others: [] }, `${first}.${i}.call`, emitting, ARGUMENTS)]
      : [],
  )
  check(calls.length > 0, 'grammar/empty', 'no object of listed members fits this schema: a call in Python needs one')
  return any(calls)
}
