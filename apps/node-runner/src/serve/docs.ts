import { html } from 'hono/html'

interface Operation {
  readonly responses?: Record<string, { readonly description?: string } | undefined>
}

/** The part of an OpenAPI document that the page shows. */
interface Document {
  readonly info: { readonly title: string; readonly description?: string }
  readonly paths?: object
}

/**
 * A page that lists the routes, from their own description; it asks nobody else for anything.
 * @param origin where it is, as its reader calls it
 */
export function docsPage({ info, paths = {} }: Document, origin: string): ReturnType<typeof html> {
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
      <title>${info.title}: routes</title>
      <link rel="stylesheet" href="/page/page.css" />
      <body class="docs">
        <nav><a href="/">What goes on</a></nav>
        <h1>${info.title}</h1>
        <p>${info.description ?? ''} The whole of it: <a href="/openapi.json">openapi.json</a>.</p>
        <pre>
curl ${origin}/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{"messages": [{"role": "user", "content": "Hello"}], "stream": true}'</pre>
        <dl>
          ${routes.map(
            ({ name, about }) =>
              html`<dt>${name}</dt>
                <dd>${about}</dd>`,
          )}
        </dl>
      </body>
    </html>`
}
