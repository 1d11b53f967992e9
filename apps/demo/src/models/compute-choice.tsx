import { useServices } from '../app/services.js'
import { abilities, COMPUTE_NAMES } from '../engine/compute.js'
import { Button } from '../parts/button.js'
import { Select } from '../parts/field.js'
import { placeOf } from './model-chip.js'

/** What models run on: chosen here, and what came of it. */
export function ComputeChoice() {
  const { engine } = useServices()
  const { webgpu, threads } = abilities()
  const model = engine.model.value
  const has = [webgpu ? 'WebGPU' : 'no WebGPU', threads > 1 ? `${threads} threads` : 'one thread'].join(', ')
  const now = model
    ? `${model.name} runs on: ${placeOf(model.backend)}${model.backend.name.includes('webgpu') ? ` (${model.backend.description})` : ''}.`
    : ''
  return (
    <div class="stack-tight">
      <Select
        label="Run on"
        value={engine.mode.value}
        options={COMPUTE_NAMES}
        hint={`This browser has ${has}. ${now}`}
        onChange={(mode) => (engine.mode.value = mode)}
      />
      {threads === 1 && navigator.hardwareConcurrency > 1 && 'serviceWorker' in navigator && (
        <p class="small soft">
          Threads need a page that is isolated from others; once this site is kept for offline use, it is from the next
          start on.{' '}
          <Button kind="plain" small onClick={() => location.reload()}>
            Start again with {navigator.hardwareConcurrency} threads
          </Button>
        </p>
      )}
    </div>
  )
}
