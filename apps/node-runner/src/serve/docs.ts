import { html, raw } from 'hono/html'

interface Operation {
  readonly responses?: Record<string, { readonly description?: string } | undefined>
}

/** The part of an OpenAPI document that the page shows. */
interface Document {
  readonly info: { readonly title: string; readonly description?: string }
  readonly paths?: object
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
dt { font-family: ui-monospace, monospace; margin-top: 1rem }
dd { margin: 0; opacity: .8 }
pre { overflow-x: auto; padding: 1rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .5rem }
`

/** A page that lists the routes, from their own description; it asks nobody else for anything. */
export function docsPage({ info, paths = {} }: Document): ReturnType<typeof html> {
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, { responses }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      about: responses?.['200']?.description ?? '',
    })),
  )
  return html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>${info.title}</title>
      <style>
        ${raw(STYLE)}
      </style>
      <h1>${info.title}</h1>
      <p>${info.description ?? ''} The whole of it: <a href="/openapi.json">openapi.json</a>.</p>
      <pre>
curl localhost:8080/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{"messages": [{"role": "user", "content": "Hello"}], "stream": true}'</pre>
      <dl>
        ${routes.map(
          ({ name, about }) =>
            html`<dt>${name}</dt>
              <dd>${about}</dd>`,
        )}
      </dl>
    </html>`
}
