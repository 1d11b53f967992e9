import type { Gemma3Config } from '@g3/runtime'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Button } from '../../parts/button.js'
import { Card } from '../../parts/card.js'
import { Slider } from '../../parts/field.js'
import { withoutWindows } from './plan.js'
import { fillingRings, type Ring } from './rings.js'

/** Frames of a fill from nothing to the whole context. */
const FRAMES = 160

/** The pages of the caches, as tokens come. */
export function RingCard({ config, context }: { readonly config: Gemma3Config; readonly context: number }) {
  const [share, setShare] = useState(0.35)
  const [isPlaying, setPlaying] = useState(false)
  const length = Math.round(share * context)
  const fills = useMemo(
    () => [fillingRings(config, context), fillingRings(withoutWindows(config), context)] as const,
    [config, context],
  )
  const [own, all] = useMemo(() => [fills[0](length), fills[1](length)] as const, [fills, length])

  useEffect(() => {
    if (!isPlaying) return
    const timer = setInterval(() => setShare((now) => Math.min(1, now + 1 / FRAMES)), 50)
    return () => clearInterval(timer)
  }, [isPlaying])
  useEffect(() => {
    if (share >= 1) setPlaying(false)
  }, [share])

  return (
    <Card
      title="As tokens come"
      aside={
        <Button
          small
          icon={isPlaying ? 'pause' : 'play'}
          onClick={() => {
            if (share >= 1) setShare(0)
            setPlaying(!isPlaying)
          }}
        >
          {isPlaying ? 'Pause' : 'Fill'}
        </Button>
      }
    >
      <Slider
        label="Tokens of the text"
        min={0}
        max={1}
        step={1 / FRAMES}
        value={share}
        format={(value) => Math.round(value * context).toLocaleString('en')}
        onInput={setShare}
      />
      <h3>Gemma 3</h3>
      {own.rings.map((ring) => (
        <Strip key={ring.label} ring={ring} />
      ))}
      <h3>If every layer saw everything</h3>
      {all.rings.map((ring) => (
        <Strip key={ring.label} ring={ring} />
      ))}
      <p class="soft small">
        A cell is {own.pagesOfCell === 1 ? 'a page' : `${own.pagesOfCell} pages`} of 128 positions.{' '}
        <span class="swatch cell-seen" /> seen by the next token <span class="swatch cell-held" /> still held{' '}
        <span class="swatch cell-given-up" /> given up and used again <span class="swatch cell-empty" /> not yet written
      </p>
    </Card>
  )
}

function Strip({ ring: { label, layers, window, cells, pages } }: { readonly ring: Ring }) {
  const words = window === undefined ? 'all positions' : `the last ${window} positions`
  return (
    <div class="strip">
      <span class="field-label">
        {layers} {label} layers, which see {words}
        <span class="field-value">
          {pages} page{pages === 1 ? '' : 's'} each
        </span>
      </span>
      <div
        class="cells"
        role="img"
        aria-label={`${pages} pages in use, ${cells.filter((cell) => cell === 'given-up').length} of ${cells.length} cells given up`}
      >
        {cells.map((cell, index) => (
          <span key={index} class={`cell cell-${cell}`} />
        ))}
      </div>
    </div>
  )
}
