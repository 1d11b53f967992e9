import type { ComponentType } from 'preact'
import type { IconName } from '../parts/icon.js'

/** A page's module. */
export interface PageModule {
  readonly Page: ComponentType
}

export interface Route {
  /** What stands after `#/` in the address. */
  readonly path: string
  readonly title: string
  /** For a phone's bar. */
  readonly short: string
  readonly icon: IconName
  readonly load: () => Promise<PageModule>
}

/** The pages, each fetched when it is first shown. The first is where visitors arrive. */
export const ROUTES: readonly [Route, ...Route[]] = [
  { path: 'chat', title: 'Chat', short: 'Chat', icon: 'chat', load: () => import('../pages/chat/index.js') },
  {
    path: 'tokenizer',
    title: 'Tokenizer',
    short: 'Tokens',
    icon: 'tokenizer',
    load: () => import('../pages/tokenizer/index.js'),
  },
  { path: 'vision', title: 'Vision', short: 'Vision', icon: 'vision', load: () => import('../pages/vision/index.js') },
  { path: 'memory', title: 'Memory', short: 'Memory', icon: 'memory', load: () => import('../pages/memory/index.js') },
  { path: 'inside', title: 'Inside', short: 'Inside', icon: 'inside', load: () => import('../pages/inside/index.js') },
  {
    path: 'structured',
    title: 'Structured',
    short: 'JSON',
    icon: 'structured',
    load: () => import('../pages/structured/index.js'),
  },
  { path: 'bench', title: 'Bench', short: 'Bench', icon: 'bench', load: () => import('../pages/bench/index.js') },
]

/** The page that an address names; the first for any other address. */
export function routeOf(hash: string): Route {
  const path = /^#\/([\w-]*)/.exec(hash)?.[1]
  return ROUTES.find((route) => route.path === path) ?? ROUTES[0]
}
