import type { Estimate } from '@g3/runtime'
import { bytesText } from '../../app/format.js'
import { Card } from '../../parts/card.js'
import type { Plan } from './plan.js'

const PARTS = [
  { name: 'Weights', tone: 1, bytes: ({ weightsBytes }: Estimate) => weightsBytes },
  { name: 'Local caches', tone: 3, bytes: ({ cache }: Estimate) => cache.localBytes },
  { name: 'Global caches', tone: 2, bytes: ({ cache }: Estimate) => cache.globalBytes },
  { name: 'All else', tone: 5, bytes: ({ scratchBytes }: Estimate) => scratchBytes },
] as const

/** What the model takes, and what it would take without windows, in one scale. */
export function Bars({ plan: { estimate, allGlobal } }: { readonly plan: Plan }) {
  const most = Math.max(estimate.peakBytes, allGlobal.peakBytes)
  const saved = allGlobal.peakBytes - estimate.peakBytes
  return (
    <Card title="What it takes">
      <p class="memory-total">
        <strong class="numbers">{bytesText(estimate.peakBytes)}</strong>{' '}
        <span class="soft">at most, once the context is full</span>
      </p>
      <Bar label="Gemma 3" estimate={estimate} most={most} />
      <Bar label="If every layer saw everything" estimate={allGlobal} most={most} />
      <table class="parts">
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col">Gemma 3</th>
            <th scope="col">all global</th>
          </tr>
        </thead>
        <tbody>
          {PARTS.map(({ name, tone, bytes }) => (
            <tr key={name}>
              <th scope="row">
                <span class={`swatch tone-${tone}`} /> {name}
              </th>
              <td>{zeroOr(bytes(estimate))}</td>
              <td>{zeroOr(bytes(allGlobal))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p role="status">
        {saved > 0 && (
          <>
            Windows save <strong>{bytesText(saved)}</strong> here.
          </>
        )}
      </p>
    </Card>
  )
}

const zeroOr = (bytes: number): string => (bytes === 0 ? '–' : bytesText(bytes))

function Bar({
  label,
  estimate,
  most,
}: {
  readonly label: string
  readonly estimate: Estimate
  readonly most: number
}) {
  return (
    <div class="bar">
      <span class="field-label">
        {label}
        <span class="field-value">{bytesText(estimate.peakBytes)}</span>
      </span>
      <div class="bar-track" aria-hidden="true">
        {PARTS.map(({ name, tone, bytes }) => (
          <span key={name} class={`bar-part tone-${tone}`} style={{ width: `${(100 * bytes(estimate)) / most}%` }} />
        ))}
      </div>
    </div>
  )
}
