import { useEffect, useRef } from 'preact/hooks'
import { useServices } from '../app/services.js'
import { wishOf } from '../engine/compute.js'
import type { ModelChoice } from '../engine/engine.js'
import { KNOWN_MODELS } from '../engine/models.js'
import type { LabModel } from './calls.js'
import { lab, type Lab } from './lab.js'

/** The lab while a page is shown. */
export function useLab(): Lab {
  const held = useRef<Lab>(undefined)
  const mine = (held.current ??= lab())
  useEffect(() => () => mine.close(), [mine])
  return mine
}

/** The model that comes with the site. */
export function siteModel(): ModelChoice {
  const known = KNOWN_MODELS.find(({ origin }) => origin.kind === 'site')
  if (known?.origin.kind !== 'site') throw new Error('the list of models lacks the one that comes with the site')
  return { id: known.id, title: known.title, source: known.origin.url, mmproj: known.origin.mmproj }
}

/** The chat's model, or else the one that comes with the site. */
export function useLabModel(): { readonly title: string; readonly model: LabModel; readonly isOwn: boolean } {
  const { engine } = useServices()
  const state = engine.state.value
  const choice = state.kind === 'ready' ? state.choice : siteModel()
  return { title: choice.title, isOwn: state.kind !== 'ready', model: labModel(choice, wishOf(engine.mode.value)) }
}

export const labModel = ({ id, source, mmproj }: ModelChoice, wish: LabModel['wish']): LabModel => ({
  id,
  source: absolute(source),
  ...(mmproj !== undefined && { mmproj: absolute(mmproj) }),
  wish,
})

/** An address of the page's, which means another one in a worker. */
const absolute = (source: string | File): string | File =>
  typeof source === 'string' ? new URL(source, document.baseURI).href : source
