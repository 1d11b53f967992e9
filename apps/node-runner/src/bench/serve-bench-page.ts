import { fileURLToPath } from 'node:url'
import { servePage, type PageServer } from './page-server.js'

/** As the build names it: the folder of `bench-page.js`. */
const FOLDER = fileURLToPath(new URL('./page/', import.meta.url))
const HTML = fileURLToPath(new URL('../assets/bench.html', import.meta.url))

/** A model that the page takes where its visitor chooses none. */
export interface ServedModel {
  readonly path: string
  readonly name: string
}

/** Serves the page that measures the WebGPU of a visitor's browser, on this machine alone. */
export async function serveBenchPage(model: ServedModel | undefined): Promise<PageServer> {
  const { url, close } = await servePage(FOLDER, { '/': HTML, ...(model && { '/model.gguf': model.path }) })
  return { url: model ? `${url}?model=${encodeURIComponent(model.name)}` : url, close }
}
