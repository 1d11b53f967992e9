import { bytesText } from '../../app/format.js'
import { Button } from '../../parts/button.js'
import { Card } from '../../parts/card.js'
import { CopyButton } from '../../parts/copy-button.js'
import { roof } from './roof.js'
import type { BenchReport } from './rounds.js'

/** What a run came to. */
export function Results({ report }: { readonly report: BenchReport }) {
  const { prefill, decode, perOp } = report
  const json = JSON.stringify(report, undefined, 2)
  const most = perOp[0]?.ms ?? 1
  const all = perOp.reduce((sum, { ms }) => sum + ms, 0)
  return (
    <>
      <Card
        title="Speed"
        aside={
          <div class="row">
            <CopyButton label="Copy as JSON" text={json} />
            <Button kind="plain" small icon="download" label="Download as JSON" onClick={() => download(json)} />
          </div>
        }
      >
        <dl class="figures">
          <Figure name="Writing" value={decode[1]} spread={decode} />
          <Figure name="Reading a prompt" value={prefill[1]} spread={prefill} />
        </dl>
        <p class="soft small">
          {report.model} on {report.backend}; loaded in {report.loadMs} ms. Median of {report.rounds} rounds, and the
          least and most of them.
        </p>
      </Card>
      <div class="columns">
        <Card title="How near to the roof">
          {roof(report).map(({ name, used, limit, unit, fraction, words }) => (
            <div class="roof" key={name}>
              <span class="field-label">
                {name}
                <span class="field-value">
                  {used} {limit === undefined ? '' : `of ${limit} `}
                  {unit}
                </span>
              </span>
              {fraction !== undefined && (
                <div class="roof-track" aria-hidden="true">
                  <span style={{ width: `${Math.min(100, 100 * fraction)}%` }} />
                </div>
              )}
              <span class="soft small">{words}</span>
            </div>
          ))}
        </Card>
        <Card title="A token, op by op">
          <table class="ops">
            <thead>
              <tr>
                <th scope="col">Op</th>
                <th scope="col">calls</th>
                <th scope="col">ms</th>
                <th scope="col">
                  <span class="hidden">Share of the longest</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {perOp.map(({ op, calls, ms }) => (
                <tr key={op}>
                  <th scope="row" class="mono">
                    {op}
                  </th>
                  <td>{calls}</td>
                  <td>{ms.toFixed(2)}</td>
                  <td class="ops-bar">
                    <span style={{ width: `${(100 * ms) / most}%` }} aria-hidden="true" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="soft small">
            Each op is run and waited for by itself: {all.toFixed(1)} ms together, where a token as a whole takes{' '}
            {(1000 / decode[1]).toFixed(1)} ms. All weights are {bytesText(report.weightBytes)}.
          </p>
        </Card>
      </div>
    </>
  )
}

function Figure({
  name,
  value,
  spread: [least, , most],
}: {
  readonly name: string
  readonly value: number
  readonly spread: readonly [number, number, number]
}) {
  return (
    <div class="figure">
      <dt class="soft">{name}</dt>
      <dd>
        <strong class="numbers">{value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1)}</strong>{' '}
        tokens/s
        <span class="soft small numbers">
          {' '}
          {least.toFixed(0)} to {most.toFixed(0)}
        </span>
      </dd>
    </div>
  )
}

function download(json: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }))
  link.download = 'g3-bench.json'
  link.click()
  URL.revokeObjectURL(link.href)
}
