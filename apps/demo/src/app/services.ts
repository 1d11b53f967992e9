import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { library, type Library } from '../chat/library.js'
import { talk, type Talk } from '../chat/talk.js'
import { engine, type Engine } from '../engine/engine.js'
import { siteFolder } from '../store/files.js'
import { modelStore, type ModelStore } from '../store/models.js'

/** What lasts as long as the page, whichever of its pages is shown. */
export interface Services {
  readonly engine: Engine
  readonly store: ModelStore
  readonly library: Library
  readonly talk: Talk
}

export function services(): Services {
  const models = engine()
  const conversations = library(siteFolder)
  return { engine: models, store: modelStore(siteFolder), library: conversations, talk: talk(models, conversations) }
}

export const ServicesContext = createContext<Services | undefined>(undefined)

/** @throws Error outside of the site's frame */
export function useServices(): Services {
  const found = useContext(ServicesContext)
  if (found === undefined) throw new Error('useServices is for what the frame shows')
  return found
}
