import type { QuantType } from '@g3/backend'
import { WGSL } from '../generated/wgsl.js'
import { CHUNK, FORMS, UNEVEN } from '../weights/forms.js'
import { lowBits } from '../weights/parts.js'
import { render, type Values } from './template.js'

/** What the templates that read a weight of this type need to know. */
export function weightValues(type: QuantType): Values {
  const form = FORMS[type]
  if (form.kind === 'float') {
    return {
      WIDE: form.bytes === 4,
      BFLOAT: form.bfloat,
      FOLDS: 1,
      PIECES: 8,
      MIN: false,
      SHIFTED: false,
      SCALED: false,
      ZERO: '0.0',
    }
  }
  const low = lowBits(form)
  const high = form.bits - low
  const min = form.min !== 'none'
  const folds = CHUNK / form.fold
  return {
    LOW8: low === 8,
    LOW4: low === 4,
    LOW2: low === 2,
    LOW_BITS: low,
    HIGH: high > 0,
    HIGH1: high === 1,
    HIGH2: high === 2,
    RUN256: form.run === 256,
    MIN: min,
    SCALE_AND_MIN: min && folds === 1,
    NIBBLES: min && folds === 2,
    SIGNED: !min,
    TWO_FOLDS: folds === 2,
    UNEVEN: form.uneven,
    UNSIGNED: low !== 8 && !form.uneven,
    FOLDS: folds,
    PIECES: 8 / folds,
    // Where the sums of x lie that belong to a fold: of each half, or of both.
    SUMS_AT: folds === 2 ? 1 : 3,
    SCALED: true,
    SHIFTED: min || form.zero > 0,
    ZERO: `${form.zero}.0`,
  }
}

/** The functions that read the weight of this type which a kernel has bound as `name`. */
export function weightReader(name: string, type: QuantType): string {
  const template = FORMS[type].kind === 'float' ? WGSL['lib/weight.float'] : WGSL['lib/weight.quantised']
  return render(template, { ...weightValues(type), W: name })
}

/** Functions that readers of these types share. */
export function sharedReaders(types: readonly QuantType[]): readonly string[] {
  const forms = types.map((type) => FORMS[type])
  if (!forms.some(({ kind }) => kind === 'quantised')) return []
  const uneven = forms.some((form) => form.kind === 'quantised' && form.uneven)
  const table = Object.fromEntries(UNEVEN.map((word, i) => [`UNEVEN${i}`, word]))
  return [WGSL['lib/bytes'], ...(uneven ? [render(WGSL['lib/uneven'], table)] : [])]
}
