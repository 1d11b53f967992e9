import { useEffect, useState } from 'preact/hooks'
import { ModelChip } from '../models/model-chip.js'
import { Icon } from '../parts/icon.js'
import { PageHost } from './page-host.js'
import { ROUTES, routeOf } from './routes.js'
import { ThemeSwitch } from './theme.js'

/** The frame around all pages: name, menu, page. */
export function Shell() {
  const [route, setRoute] = useState(() => routeOf(location.hash))
  useEffect(() => {
    const follow = (): void => setRoute(routeOf(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])

  return (
    <div class="shell">
      <a
        class="button skip"
        href="#page"
        onClick={(event) => {
          // The address names pages; a jump within one must not change it.
          event.preventDefault()
          document.getElementById('page')?.focus()
        }}
      >
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="#/chat" aria-label="g3, to the chat">
          <img src="./icon.svg" alt="" width="28" height="28" />
          g3
        </a>
        <span class="top-space" />
        <ModelChip />
        <ThemeSwitch />
      </header>
      <nav class="nav" aria-label="Pages">
        <ul>
          {ROUTES.map(({ path, title, short, icon }) => (
            <li key={path}>
              <a href={`#/${path}`} aria-current={path === route.path ? 'page' : undefined}>
                <Icon name={icon} />
                <span class="nav-long">{title}</span>
                <span class="nav-short">{short}</span>
              </a>
            </li>
          ))}
        </ul>
        <p class="nav-about">Gemma 3, computed by this browser. Nothing you write or show leaves this device.</p>
      </nav>
      <PageHost route={route} />
    </div>
  )
}
