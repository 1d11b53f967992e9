import { Card } from '../../parts/card.js'
import type { Looked, NamedCandidate } from './look.js'
import { percentText } from './next-card.js'

/** Candidates of a layer that are shown. */
const MOST = 4

/** What each layer would say if it were the last. */
export function LensCard(props: {
  readonly looked: Looked
  readonly layer: number
  readonly onLayer: (layer: number) => void
}) {
  const { looked, layer, onLayer } = props
  const final = looked.layers.at(-1)?.candidates[0]?.id
  return (
    <Card title="Layer by layer">
      <p class="soft">
        What would come next if the model ended here: each layer’s result, read with the model’s own last matrix. Marked
        is what it says in the end.
      </p>
      <div class="lens-scroll" tabIndex={0} role="region" aria-label="Candidates of each layer">
        <table class="lens">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">sees</th>
              <th scope="col" colSpan={MOST}>
                would say
              </th>
              <th scope="col" class="lens-number">
                bits
              </th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">before</th>
              <td class="soft">itself</td>
              <Candidates candidates={looked.embedding.candidates} final={final} />
              <td class="lens-number">{looked.embedding.entropy.toFixed(1)}</td>
            </tr>
            {looked.layers.map(({ kind, candidates, entropy }, index) => (
              <tr key={index} class={index === layer ? 'lens-at' : undefined}>
                <th scope="row">
                  <button
                    type="button"
                    class="lens-layer"
                    aria-pressed={index === layer}
                    onClick={() => onLayer(index)}
                  >
                    {index + 1}
                  </button>
                </th>
                <td class={kind === 'global' ? 'lens-global' : 'soft'}>
                  {kind === 'global' ? 'all' : `last ${looked.window}`}
                </td>
                <Candidates candidates={candidates} final={final} />
                <td class="lens-number">{entropy.toFixed(1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  )
}

function Candidates({
  candidates,
  final,
}: {
  readonly candidates: readonly NamedCandidate[]
  readonly final: number | undefined
}) {
  return Array.from({ length: MOST }, (_, n) => {
    const candidate = candidates[n]
    if (candidate === undefined) return <td key={n} />
    const { id, text, probability } = candidate
    return (
      <td key={n} class={id === final ? 'lens-cell lens-final' : 'lens-cell'} title={percentText(probability)}>
        <span class="lens-fill" style={{ opacity: Math.sqrt(probability) * 0.45 }} />
        <span class="mono lens-text">{text.replaceAll('\n', '⏎').replaceAll(' ', '␣')}</span>
        <span class="soft lens-share">{percentText(probability)}</span>
      </td>
    )
  })
}
