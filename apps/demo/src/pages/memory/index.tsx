import type { Footprint, Workload } from '@g3/backend'
import { autoFootprint } from '@g3/runtime/auto'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { Card, PageFrame } from '../../parts/card.js'
import { Select, Slider } from '../../parts/field.js'
import { Notice } from '../../parts/notice.js'
import { Bars } from './bars.js'
import { Curves } from './curves.js'
import { CACHE_TYPES, contexts, plan, SIZES, WEIGHT_TYPES, type SizeName, type Wish } from './plan.js'
import { RingCard } from './ring-card.js'
import './memory.css'

const SIZE_NAMES = Object.fromEntries(Object.keys(SIZES).map((name) => [name, name])) as Record<SizeName, string>

/** What a model takes before there is any of it, and how its caches fill. */
export function Page() {
  const [footprint, setFootprint] = useState<(workload: Workload) => Footprint>()
  const [failure, setFailure] = useState<string>()
  const [wish, setWish] = useState<Wish>({ size: '1B', type: 'Q4_0', cacheType: 'f16', context: 32768 })
  useEffect(() => {
    autoFootprint().then(
      (found) => setFootprint(() => found),
      (error: unknown) => setFailure(failureOf(error).message),
    )
  }, [])
  const change = (part: Partial<Wish>): void => {
    const next = { ...wish, ...part }
    setWish({ ...next, context: Math.min(next.context, SIZES[next.size].context) })
  }
  const lengths = contexts(SIZES[wish.size])
  const planned = useMemo(() => footprint && plan(wish, footprint), [footprint, wish])

  return (
    <PageFrame
      title="Memory"
      lead="What a model takes on this device, known before a byte is loaded: the same functions tell it that allocate it. Most layers of Gemma 3 look back over a short window only; see what that saves."
    >
      {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
      <div class="memory-columns">
        <Card title="The model">
          <Select label="Size" value={wish.size} options={SIZE_NAMES} onChange={(size) => change({ size })} />
          <Select label="Weights" value={wish.type} options={WEIGHT_TYPES} onChange={(type) => change({ type })} />
          <Select
            label="Keys and values"
            value={wish.cacheType}
            options={CACHE_TYPES}
            onChange={(cacheType) => change({ cacheType })}
          />
          <Slider
            label="Context"
            min={0}
            max={lengths.length - 1}
            value={lengths.indexOf(wish.context)}
            format={(index) => `${(lengths[index] ?? 0).toLocaleString('en')} tokens`}
            onInput={(index) => change({ context: lengths[index] ?? wish.context })}
          />
        </Card>
        {planned && <Bars plan={planned} />}
      </div>
      <RingCard config={SIZES[wish.size]} context={wish.context} />
      <Curves wish={wish} />
    </PageFrame>
  )
}
