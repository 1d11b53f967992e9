import { useState } from 'preact/hooks'
import { lazy, Suspense } from 'preact/compat'
import type { EngineState } from '../engine/engine.js'
import { useServices } from '../app/services.js'
import { Icon } from '../parts/icon.js'

const Picker = lazy(() => import('./picker.js').then(({ Picker }) => Picker))

/** Which model there is and what it runs on; opens the choice of models. */
export function ModelChip() {
  const { engine } = useServices()
  const [open, setOpen] = useState(false)
  const state = engine.state.value
  return (
    <>
      <button type="button" class="chip" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="chip" />
        <span class="chip-words">
          <span class="chip-title">{titleOf(state)}</span>
          <span class="chip-detail">{detailOf(state)}</span>
        </span>
        <Icon name="down" />
      </button>
      {open && (
        <Suspense fallback={null}>
          <Picker onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}

const titleOf = (state: EngineState): string => (state.kind === 'none' ? 'Choose a model' : state.choice.title)

function detailOf(state: EngineState): string {
  switch (state.kind) {
    case 'none':
      return 'none is loaded'
    case 'loading':
      return `loading, ${Math.round(state.share * 100)} %`
    case 'ready':
      return placeOf(state.model.backend)
    case 'failed':
      return 'could not be loaded'
    default:
      return state satisfies never
  }
}

/** What a model computes on, in a few words. */
export function placeOf({ name, threads }: { readonly name: string; readonly threads: number }): string {
  if (name.includes('webgpu')) return 'GPU'
  return threads === 1 ? 'CPU, one thread' : `CPU, ${threads} threads`
}
