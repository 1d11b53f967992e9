import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { G3Error } from '@g3/backend'
import * as evaluate from '@g3/distill/evaluate'
import type { Model } from '@g3/runtime'
import { useAdapters } from '../adapters.js'
import { figuresPicture } from '../eval/picture.js'
import { figuresOf, type Report } from '../eval/report.js'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand } from '../loading.js'
import type { AdapterFlag, ModelOptions } from '../options.js'
import { note, print, printJson } from '../output.js'
import { itemProgress, type Progress } from '../progress.js'
import { decodeUtf8 } from '../stdin.js'
import { table } from '../table.js'

interface CommonOptions extends ModelOptions {
  readonly data: string
  readonly lora?: readonly AdapterFlag[]
  readonly limit?: number
  readonly svg?: string
  readonly json?: true
}

export interface PerplexityFlags extends CommonOptions {
  readonly window?: number
  readonly stride?: number
}

export interface KlFlags extends CommonOptions {
  readonly base?: string
  readonly basePrecision?: ModelOptions['precision']
  readonly window?: number
}

export interface ItemFlags extends CommonOptions {
  readonly recipe?: string
}

export interface GenerateFlags extends ItemFlags {
  readonly metric?: evaluate.Metric
  readonly maxTokens?: number
  readonly stop?: readonly string[]
}

/** `g3 eval perplexity` */
export const evalPerplexity = (flags: PerplexityFlags): Promise<void> =>
  measure(flags, evaluate.textItems, async (model, texts, options) => {
    const { window, stride } = flags
    const sizes = { ...(window !== undefined && { window }), ...(stride !== undefined && { stride }) }
    return { kind: 'perplexity', found: await evaluate.perplexity(model, texts, { ...options, ...sizes }) }
  })

/** `g3 eval kl`: against another model, or the same one without the adapters or in another precision. */
export const evalKl = (flags: KlFlags): Promise<void> =>
  measure(flags, evaluate.textItems, async (model, texts, options) => {
    const { base, basePrecision, window } = flags
    const changed = { ...(base !== undefined && { model: base }), ...(basePrecision && { precision: basePrecision }) }
    await using loaded = await loadForCommand({ ...flags, ...changed }, options.signal)
    const found = await evaluate.kl(model, loaded.model, texts, { ...options, ...(window !== undefined && { window }) })
    return { kind: 'kl', found }
  })

/** `g3 eval choice` */
export const evalChoice = (flags: ItemFlags): Promise<void> => {
  const recipe = flags.recipe === undefined ? undefined : recipeOf(flags.recipe, 'choice')
  return measure(flags, recipe ? recipeItems(recipe.item) : evaluate.choiceItems, async (model, items, options) => ({
    kind: 'choice',
    found: await evaluate.choice(model, items, options),
  }))
}

/** `g3 eval generate` */
export const evalGenerate = (flags: GenerateFlags): Promise<void> => {
  const recipe = flags.recipe === undefined ? undefined : recipeOf(flags.recipe, 'generate')
  const { metric = recipe?.metric, maxTokens, stop = recipe?.stop ?? [] } = flags
  const how = {
    stop: stop.map((text) => text.replaceAll('\\n', '\n')),
    ...(metric !== undefined && { metric }),
    ...(maxTokens !== undefined && { maxTokens }),
  }
  return measure(flags, recipe ? recipeItems(recipe.item) : evaluate.generateItems, async (model, items, options) => ({
    kind: 'generate',
    found: await evaluate.generate(model, items, { ...options, ...how }),
  }))
}

/** `g3 eval recipes`: which files they want. */
export async function evalRecipes({ json }: { readonly json?: true }): Promise<void> {
  const all = Object.entries(evaluate.RECIPES).map(([name, { kind, wants }]) => ({ name, kind, wants }))
  if (json) await printJson(all)
  else
    await print(
      table(
        ['recipe', 'kind', 'file'],
        all.map(({ name, kind, wants }) => [name, kind, wants]),
      ),
    )
}

/** @throws G3Error `cli/usage` */
function recipeOf<Kind extends evaluate.Recipe['kind']>(name: string, kind: Kind) {
  const recipe = new Map<string, evaluate.Recipe>(Object.entries(evaluate.RECIPES)).get(name)
  if (recipe === undefined) throw new G3Error('cli/usage', `there is no recipe ${name}; \`g3 eval recipes\` lists them`)
  const isRight = (found: evaluate.Recipe): found is Extract<evaluate.Recipe, { kind: Kind }> => found.kind === kind
  if (isRight(recipe)) return recipe
  throw new G3Error('cli/usage', `${name} is measured by \`g3 eval ${recipe.kind}\``)
}

const recipeItems =
  <T>(item: (line: evaluate.NamedRow) => T) =>
  (text: string, name: string): readonly T[] =>
    evaluate.jsonLines(text, name).map(item)

/** Reads the file, loads the model, measures, and tells what came out. */
async function measure<T>(
  flags: CommonOptions,
  read: (text: string, name: string) => readonly T[],
  run: (
    model: Model,
    items: readonly T[],
    options: { signal: AbortSignal; onProgress: Progress['update'] },
  ) => Promise<Report>,
): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const data = basename(flags.data)
  const items = read(await dataText(flags.data), data).slice(0, flags.limit)
  await using loaded = await loadForCommand(flags, signal)
  const { model } = loaded
  await useAdapters(model, flags.lora ?? [], signal)
  const report = await measured()
  const figures = figuresOf(report)
  const title = `${report.kind} of ${loaded.name} on ${data}`
  if (flags.svg !== undefined) await writePicture(flags.svg, figuresPicture(title, figures))
  if (flags.json) return printJson({ model: loaded.name, data, ...report, figures })
  const cell = (value = NaN): string => (Number.isFinite(value) ? String(Number(value.toPrecision(5))) : '-')
  const rows = figures.map(({ name, value, low, high }) => [name, cell(value), cell(low), cell(high)])
  await print(table([report.kind, 'value', '95 % from', 'to'], rows, [1, 2, 3]))

  /** The line of progress is gone before anything is printed. */
  async function measured(): Promise<Report> {
    using progress = itemProgress('measuring')
    return run(model, items, { signal, onProgress: progress.update })
  }
}

async function dataText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new G3Error('cli/missing-file', `there is no file ${path}`, { cause })
    throw new G3Error('cli/unreadable-file', `${path} cannot be read: ${cause.message}`, { cause })
  })
  return decodeUtf8(bytes, path)
}

async function writePicture(path: string, svg: string): Promise<void> {
  await writeFile(path, svg).catch((cause: Error) => {
    throw new G3Error('cli/unwritable-file', `${path} cannot be written: ${cause.message}`, { cause })
  })
  note(`A picture is in ${path}.`)
}
