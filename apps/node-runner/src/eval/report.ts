import type { Answers, Choices, Divergence, Estimated, Perplexity } from '@g3/distill/evaluate'

/** What an evaluation found. */
export type Report =
  | { readonly kind: 'perplexity'; readonly found: Perplexity }
  | { readonly kind: 'kl'; readonly found: Divergence }
  | { readonly kind: 'choice'; readonly found: Choices }
  | { readonly kind: 'generate'; readonly found: Answers }

/** A number for people, with its interval where it has one. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly low?: number
  readonly high?: number
  /** Whether it is a share of 1. */
  readonly isShare?: true
}

export function figuresOf(report: Report): readonly Figure[] {
  const estimated = (name: string, { value, low, high }: Estimated): Figure => ({ name, value, low, high })
  const share = (name: string, found: Estimated): Figure => ({ ...estimated(name, found), isShare: true })
  switch (report.kind) {
    case 'perplexity': {
      const { found } = report
      return [
        estimated('perplexity', found.perplexity),
        { name: 'nats a token', value: found.meanNll },
        { name: 'bits a byte', value: found.bitsPerByte },
        { name: 'tokens', value: found.tokens },
      ]
    }
    case 'kl': {
      const { found } = report
      return [
        estimated('KL, nats', found.kl),
        { name: 'largest KL', value: found.largest },
        share('same likeliest', found.sameTop),
        { name: 'positions', value: found.positions },
      ]
    }
    case 'choice': {
      const { found } = report
      return [
        share('accuracy', found.accuracy),
        share('by length', found.normalisedAccuracy),
        { name: 'items', value: found.items.length },
      ]
    }
    case 'generate': {
      const { found } = report
      return [share('accuracy', found.accuracy), { name: 'items', value: found.items.length }]
    }
    default:
      return report satisfies never
  }
}
