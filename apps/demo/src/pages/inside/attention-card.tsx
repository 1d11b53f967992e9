import { useState } from 'preact/hooks'
import { Card } from '../../parts/card.js'
import { Slider } from '../../parts/field.js'
import { headWeights, shades } from './attention.js'
import type { Looked } from './look.js'

/** Positions that are drawn: the latest, where there are more. */
const MOST = 96

/** Where the heads of a layer look back to. */
export function AttentionCard(props: {
  readonly looked: Looked
  readonly layer: number
  readonly onLayer: (layer: number) => void
}) {
  const { looked, layer, onLayer } = props
  const [position, setPosition] = useState<number>()
  const shown = looked.layers[layer]
  if (shown === undefined) return null
  const positions = looked.at + 1
  const first = Math.max(0, positions - MOST)
  const reach = shown.kind === 'local' ? `sees the last ${looked.window} tokens` : 'sees every token'
  const heads = Array.from({ length: looked.heads }, (_, head) => headWeights(shown, looked.heads, head))
  const chosen = position !== undefined && position < positions ? position : undefined
  return (
    <Card
      title="Where it looks"
      aside={<span class={`tag ${shown.kind === 'global' ? 'tag-warn' : 'tag-good'}`}>{shown.kind}</span>}
    >
      <Slider
        label="Layer"
        min={0}
        max={looked.layers.length - 1}
        value={layer}
        format={(n) =>
          `${n + 1} of ${looked.layers.length}, ${looked.layers[n]?.kind}: ${looked.layers[n]?.kind === 'local' ? `last ${looked.window}` : 'all'}`
        }
        onInput={onLayer}
      />
      <div class="heads" role="img" aria-label={headsLabel(looked, heads)}>
        {heads.map((weights, head) => {
          const shade = shades(weights)
          return (
            <div key={head} class="head-row">
              <span class="soft small">head {head + 1}</span>
              <div class="head-cells">
                {Array.from(shade.subarray(first), (value, n) => (
                  <span
                    key={n}
                    class={chosen === first + n ? 'head-cell head-cell-at' : 'head-cell'}
                    onPointerEnter={() => setPosition(first + n)}
                  >
                    <span style={{ opacity: value }} />
                  </span>
                ))}
              </div>
            </div>
          )
        })}
      </div>
      <p class="soft small" aria-hidden="true">
        {chosen === undefined
          ? `Each column is a token, the newest on the right. This layer ${reach}.`
          : `“${looked.tokens[chosen]?.text.trim() || '␣'}” (token ${chosen}): ${heads.map((weights) => `${(100 * (weights[chosen] ?? 0)).toFixed(0)} %`).join(' · ')}`}
      </p>
    </Card>
  )
}

/** What each head looks at most, in words. */
function headsLabel(looked: Looked, heads: readonly Float32Array[]): string {
  const each = heads.map((weights, head) => {
    const most = weights.reduce((best, weight, n) => (weight > (weights[best] ?? 0) ? n : best), 0)
    return `head ${head + 1} looks most at token ${most}, ${looked.tokens[most]?.text.trim() || 'a space'}, ${(100 * (weights[most] ?? 0)).toFixed(0)} %`
  })
  return each.join('; ')
}
