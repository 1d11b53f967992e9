import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'

export interface ChartProps {
  /** What the chart shows, in a sentence: for those who do not see it. */
  readonly label: string
  /** As uPlot's options, without a size: the chart is as wide as its place. */
  readonly options: Omit<uPlot.Options, 'width' | 'height'>
  /** As uPlot's data: x, then each series. */
  readonly data: uPlot.AlignedData
  /** Pixels. Default 240. */
  readonly height?: number
}

/** A chart of lines or bars by uPlot, which is fetched when the first is shown. */
export function Chart({ label, options, data, height = 240 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const latest = useRef(data)
  latest.current = data

  useEffect(() => {
    const parent = place.current
    if (parent === null) return
    let gone = false
    const fit = new ResizeObserver(([entry]) => {
      if (entry) plot.current?.setSize({ width: Math.floor(entry.contentRect.width), height })
    })
    void Promise.all([import('uplot'), import('./chart.css')]).then(([{ default: UPlot }]) => {
      if (gone) return
      plot.current = new UPlot({ ...options, width: parent.clientWidth, height }, latest.current, parent)
      fit.observe(parent)
    })
    return () => {
      gone = true
      fit.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [options, height])

  useEffect(() => plot.current?.setData(data), [data])

  return <div class="chart" role="img" aria-label={label} ref={place} />
}
