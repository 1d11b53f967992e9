import { useEffect, useState } from 'preact/hooks'
import { failureOf } from '../app/failure.js'
import { useServices } from '../app/services.js'
import { KNOWN_MODELS, type KnownModel } from '../engine/models.js'
import type { ModelChoice } from '../engine/engine.js'
import { Dialog } from '../parts/dialog.js'
import { Notice } from '../parts/notice.js'
import { ComputeChoice } from './compute-choice.js'
import type { Fit } from './fit.js'
import { KnownRow, StoredRow } from './model-row.js'
import { OtherModels } from './other-models.js'
import './models.css'

/** The choice of models: what they need, what is on the device, what it runs on. */
export function Picker({ onClose }: { readonly onClose: () => void }) {
  const { engine, store } = useServices()
  const [fits, setFits] = useState<ReadonlyMap<string, Fit>>(new Map())
  const [trouble, setTrouble] = useState<string>()

  useEffect(() => {
    store
      .refresh()
      .catch((error: unknown) => setTrouble(`The browser keeps no files for this site here: ${String(error)}`))
    void import('./fit.js')
      .then(({ fits }) => fits(KNOWN_MODELS))
      .then(setFits, (error: unknown) => setTrouble(failureOf(error).message))
  }, [])

  const use = (choice: ModelChoice): void => {
    onClose()
    void engine.load(choice)
  }
  const state = engine.state.value
  const current = state.kind === 'none' ? undefined : state.choice.id
  const others = store.models.value.filter(({ record }) => !KNOWN_MODELS.some(({ id }) => id === record.id))
  return (
    <Dialog title="Models" onClose={onClose}>
      {state.kind === 'failed' && (
        <Notice kind="bad">
          <strong>{state.choice.title} could not be loaded</strong>
          <span>
            {state.failure.message} <span class="small">({state.failure.code})</span>
          </span>
        </Notice>
      )}
      {trouble !== undefined && <Notice kind="warn">{trouble}</Notice>}
      <ComputeChoice />
      <ul class="models">
        {KNOWN_MODELS.map((model: KnownModel) => (
          <KnownRow
            key={model.id}
            model={model}
            fit={fits.get(model.id)}
            isCurrent={model.id === current}
            onUse={use}
          />
        ))}
        {others.map((model) => (
          <StoredRow key={model.record.id} stored={model} isCurrent={model.record.id === current} onUse={use} />
        ))}
      </ul>
      <OtherModels onUse={use} />
    </Dialog>
  )
}
