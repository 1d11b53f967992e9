import type { ComponentType } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../parts/button.js'
import { Notice } from '../parts/notice.js'
import type { Route } from './routes.js'

type Shown =
  { readonly route: Route; readonly Page: ComponentType } | { readonly route: Route; readonly failure: string }

/** Fetches a page and shows it; the one before stays until it is there. */
export function PageHost({ route }: { readonly route: Route }) {
  const [shown, setShown] = useState<Shown>()
  const [attempt, setAttempt] = useState(0)
  const main = useRef<HTMLElement>(null)

  useEffect(() => {
    let gone = false
    route.load().then(
      ({ Page }) => !gone && setShown({ route, Page }),
      (error: unknown) => !gone && setShown({ route, failure: error instanceof Error ? error.message : String(error) }),
    )
    return () => {
      gone = true
    }
  }, [route, attempt])

  // Who moves on by keyboard goes on reading in the page, not in the menu; at the first page there is nothing to leave.
  const before = useRef(route)
  useEffect(() => {
    document.title = `${route.title} · g3`
    if (before.current !== route) main.current?.focus()
    before.current = route
  }, [route])

  return (
    <main class="page" id="page" tabIndex={-1} ref={main} aria-label={route.title}>
      {shown &&
        ('Page' in shown ? (
          <shown.Page key={shown.route.path} />
        ) : (
          <div class="page-inner">
            <Notice kind="bad">
              This page could not be fetched ({shown.failure}). Check the network and try again.
              <div>
                <Button small onClick={() => setAttempt(attempt + 1)}>
                  Try again
                </Button>
              </div>
            </Notice>
          </div>
        ))}
    </main>
  )
}
