import { print, printJson } from '../output.js'
import { listModels } from '../models/list.js'
import { table } from '../table.js'

/** `g3 models`: what can be named, what it costs to fetch, and what is here. */
export async function models({ json }: { readonly json?: true }): Promise<void> {
  const known = await listModels()
  if (json) return printJson(known)
  const rows = known.map(({ name, quant, megabytes, instructionTuned, path }) => [
    name,
    quant,
    `${megabytes} MB`,
    instructionTuned ? 'chat' : 'base',
    path ?? 'not here yet',
  ])
  await print(table(['name', 'weights', 'download', 'kind', 'file'], rows))
}
