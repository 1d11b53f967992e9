import { isObject, type Json } from '../grammar/schema/json.js'
import { afterSpace, word, type Input, type Reading } from './input.js'
import { literal, malformed, setMember, value } from './value.js'

/**
 * The arguments of a call, from after its opening bracket to before its closing one: `a=1`, positional ones, which take
 * the parameters in order, and `**{"a": 1}`.
 * @param names the parameters
 * @throws G3Error `tools/malformed-call`
 */
export function* pythonArguments(from: Input, names: readonly string[]): Reading<{ [name: string]: Json }> {
  const args: { [name: string]: Json } = {}
  let position = 0
  const next = (item: Json): void => {
    if (position >= names.length) throw malformed(`only ${names.length} parameters are known, and there are more`)
    setMember(args, names[position++], item)
  }
  for (;;) {
    const first = yield* afterSpace(from)
    if (first === ')') return args
    if (first === '*') {
      yield* word(from, /\*/)
      const rest = yield* value(from)
      if (!isObject(rest)) throw malformed('** stands before what is no dictionary')
      for (const [name, item] of Object.entries(rest)) setMember(args, name, item)
    } else if (first !== undefined && /[A-Za-z_]/.test(first)) {
      const name = yield* word(from, /[A-Za-z0-9_.+-]/)
      if ((yield* afterSpace(from)) === '=') {
        from.take()
        setMember(args, name, yield* value(from))
      } else next(literal(name))
    } else next(yield* value(from))
    if ((yield* afterSpace(from)) === ')') return args
    // The bracket stays for whoever reads the call.
    if (yield* endsWithComma(from)) return args
  }
}

/** Takes the comma after an argument; tells whether the bracket follows it. */
function* endsWithComma(from: Input): Reading<boolean> {
  const next = yield* from.peek()
  if (next !== ',') throw malformed(`${next ?? 'the end'} stands where , or ) should`)
  from.take()
  return (yield* afterSpace(from)) === ')'
}
