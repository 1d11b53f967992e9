import type { Plugin } from 'vite'

/**
 * What pages of the site may do. Models may come from any https server, when a visitor asks for one, and from this machine;
 * nothing else comes from anywhere but the site. `blob:` workers are the threads of `@g3/kernels-cpu`.
 */
const DIRECTIVES: Readonly<Record<string, string>> = {
  'default-src': "'none'",
  'script-src': "'self' 'wasm-unsafe-eval'",
  'style-src': "'self'",
  'img-src': "'self' blob:",
  'media-src': "'self' blob:",
  'connect-src': "'self' https: http://localhost:* http://127.0.0.1:*",
  'worker-src': "'self' blob:",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
}

const inMeta = Object.entries(DIRECTIVES)
  .map(([name, value]) => `${name} ${value}`)
  .join('; ')

/** As a header, which can also say who may frame the site. */
export const POLICY = `${inMeta}; frame-ancestors 'none'`

/** Writes the policy into the page, for servers that send no headers of ours. */
export const policy = (): Plugin => ({
  name: 'g3-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'content-security-policy', content: inMeta },
      injectTo: 'head-prepend',
    },
  ],
})
