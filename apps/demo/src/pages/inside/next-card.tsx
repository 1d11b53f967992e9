import { Card } from '../../parts/card.js'
import type { Looked } from './look.js'

/** What may come next; a click takes it. */
export function NextCard(props: {
  readonly looked: Looked
  readonly isBusy: boolean
  readonly onTake: (id: number) => void
}) {
  const { looked, isBusy, onTake } = props
  const last = looked.layers.at(-1)
  if (last === undefined) return null
  const taken = looked.tokens[looked.at + 1]?.id
  return (
    <Card title="What comes next" aside={<span class="soft small">{last.entropy.toFixed(1)} bits of surprise</span>}>
      <p class="soft small">
        After “{looked.tokens[looked.at]?.text.trim() || '␣'}”. Take one, and the text goes on from there.
      </p>
      <ol class="next">
        {last.candidates.map(({ id, text, probability }) => {
          const isEnd = looked.ends.includes(id)
          return (
            <li key={id}>
              <button
                type="button"
                class={`next-one${id === taken ? ' next-taken' : ''}`}
                disabled={isBusy || isEnd}
                onClick={() => onTake(id)}
              >
                <span class="mono next-text">
                  {isEnd ? 'the end' : text.replaceAll('\n', '⏎').replaceAll(' ', '␣')}
                </span>
                <span class="next-track" aria-hidden="true">
                  <span style={{ width: `${100 * probability}%` }} />
                </span>
                <span class="numbers next-share">{percentText(probability)}</span>
              </button>
            </li>
          )
        })}
      </ol>
    </Card>
  )
}

export const percentText = (share: number): string => (share < 0.001 ? '< 0.1 %' : `${(100 * share).toFixed(1)} %`)
