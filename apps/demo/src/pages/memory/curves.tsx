import { useMemo } from 'preact/hooks'
import type uPlot from 'uplot'
import { bytesText } from '../../app/format.js'
import { Card } from '../../parts/card.js'
import { Chart } from '../../parts/chart.js'
import { useColours } from '../../look/use-colours.js'
import { growth, type Wish } from './plan.js'

/** Keys and values over the length of the text. */
export function Curves({ wish }: { readonly wish: Wish }) {
  const [first, second, ink, line] = useColours('--data-1', '--data-2', '--ink-soft', '--line')
  const { lengths, cache, allGlobal } = useMemo(() => growth(wish), [wish])
  const data = useMemo<uPlot.AlignedData>(() => [[...lengths], [...cache], [...allGlobal]], [lengths, cache, allGlobal])
  const options = useMemo(() => {
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } }
    return {
      legend: { live: false },
      scales: { x: { time: false } },
      axes: [
        axis,
        {
          ...axis,
          size: 70,
          values: (_: uPlot, ticks: number[]) => ticks.map((tick) => (tick === 0 ? '0' : bytesText(tick))),
        },
      ],
      series: [
        { label: 'Tokens' },
        {
          label: 'Gemma 3',
          stroke: first,
          width: 2,
          points: { show: false },
        },
        {
          label: 'all global',
          stroke: second,
          width: 2,
          points: { show: false },
          dash: [6, 4],
        },
      ],
    }
  }, [first, second, ink, line])
  const [own, all] = [cache.at(-1) ?? 0, allGlobal.at(-1) ?? 0]
  const label = `Keys and values over the length of the text: at ${lengths.at(-1)} tokens ${bytesText(own)}, and ${bytesText(all)} if all layers were global`
  return (
    <Card title="Keys and values, token by token">
      <Chart label={label} options={options} data={data} />
      <p class="soft small">{label}.</p>
    </Card>
  )
}
