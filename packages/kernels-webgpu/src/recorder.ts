import type { LogitOps, LoraOps, Ops, VisionOps } from '@g3/backend'
import { MOST_ROWS } from './buffers.js'
import type { GpuCache } from './caches.js'
import * as attention from './ops/attend.js'
import * as heads from './ops/heads.js'
import type { Kit } from './ops/kit.js'
import * as products from './ops/products.js'
import * as rows from './ops/rows.js'
import * as adapters from './ops/adapters.js'
import { draw } from './ops/draw.js'
import * as images from './ops/images.js'
import * as logits from './ops/logits.js'
import { top } from './ops/top.js'
import type { Dispatch, GpuProgram } from './program.js'
import { stepWords } from './steps.js'

export type AllOps = Ops & LogitOps & LoraOps & VisionOps
type Call = { [Op in keyof AllOps]: { readonly op: Op; readonly args: Parameters<AllOps[Op]>[0] } }[keyof AllOps]

/** The calls of a program, to be seen as a whole. */
export type Calls = readonly Call[]

export function collectCalls(): { readonly ops: AllOps; readonly list: Calls } {
  const list: Call[] = []
  const ops: AllOps = {
    embed: (args) => list.push({ op: 'embed', args }),
    norm: (args) => list.push({ op: 'norm', args }),
    qkv: (args) => list.push({ op: 'qkv', args }),
    qkNormRope: (args) => list.push({ op: 'qkNormRope', args }),
    store: (args) => list.push({ op: 'store', args }),
    attend: (args) => list.push({ op: 'attend', args }),
    rerotate: (args) => list.push({ op: 'rerotate', args }),
    project: (args) => list.push({ op: 'project', args }),
    addNorm: (args) => list.push({ op: 'addNorm', args }),
    gatedUp: (args) => list.push({ op: 'gatedUp', args }),
    logits: (args) => list.push({ op: 'logits', args }),
    top: (args) => list.push({ op: 'top', args }),
    draw: (args) => list.push({ op: 'draw', args }),
    edit: (args) => list.push({ op: 'edit', args }),
    rank: (args) => list.push({ op: 'rank', args }),
    logSum: (args) => list.push({ op: 'logSum', args }),
    addProject: (args) => list.push({ op: 'addProject', args }),
    gate: (args) => list.push({ op: 'gate', args }),
    patches: (args) => list.push({ op: 'patches', args }),
    layerNorm: (args) => list.push({ op: 'layerNorm', args }),
    linear: (args) => list.push({ op: 'linear', args }),
    addLinear: (args) => list.push({ op: 'addLinear', args }),
    attendAll: (args) => list.push({ op: 'attendAll', args }),
    pool: (args) => list.push({ op: 'pool', args }),
  }
  return { ops, list }
}

/** Whether a call asks a step for ids, positions or views. */
const isNeedy = ({ op, args }: Call): boolean =>
  (op === 'embed' && args.ids === undefined) || ['qkNormRope', 'store', 'attend', 'rerotate'].includes(op)

/**
 * The program of these calls.
 * @param caches all that there are
 * @throws G3Error `backend/foreign`, `backend/shape`, `backend/out-of-memory`
 */
export function makeProgram(kit: Kit, label: string, calls: Calls, caches: readonly GpuCache[]): GpuProgram {
  const used = new Set<GpuCache>()
  const parameters: GPUBuffer[] = []
  let rows = MOST_ROWS
  const noting: Kit = {
    ...kit,
    parameters(name, words) {
      const made = kit.parameters(name, words)
      parameters.push(made)
      return made
    },
    buffer(buffer) {
      const own = kit.buffer(buffer)
      rows = Math.min(rows, own.rows)
      return own
    },
    cache(cache) {
      const own = kit.cache(cache)
      used.add(own)
      return own
    },
  }
  const one = dispatches(noting, calls, true)
  const many = dispatches(noting, calls, false)
  const edited = calls.find((call) => call.op === 'edit')
  const cut = calls.find((call) => call.op === 'patches')
  // A step has all rows of what is pooled, more than go in the buffer that receives them.
  const pooled = calls.find((call) => call.op === 'pool')
  if (pooled !== undefined) rows = pooled.args.x.rows
  return {
    label,
    one,
    many,
    caches: caches.map((cache) => used.has(cache)),
    needsOnlyRows: !calls.some(isNeedy),
    needsDraws: calls.some(({ op }) => op === 'draw'),
    edits: edited && logits.editRoom(noting, edited.args),
    pixels: cut && images.pixelRoom(noting, cut.args),
    parameters,
    stepWords: stepWords(rows, caches.length),
    tableEntries: caches.map(({ spec }) => spec.tableEntries),
  }
}

/**
 * The kernels of a program, for steps of one row or of more. Neighbouring calls that one kernel can do become one:
 * qkNormRope with store, and for one row with attend too.
 */
function dispatches(kit: Kit, calls: Calls, one: boolean): readonly Dispatch[] {
  const list: Dispatch[] = []
  for (let at = 0; at < calls.length; at++) {
    const fused = fuse(kit, calls, at, one)
    if (fused === undefined) list.push(...single(kit, calls[at], one))
    else {
      list.push(...fused.dispatches)
      at += fused.calls - 1
    }
  }
  return list
}

function fuse(
  kit: Kit,
  calls: Calls,
  at: number,
  one: boolean,
): { readonly dispatches: readonly Dispatch[]; readonly calls: number } | undefined {
  const [turned, stored, attended] = calls.slice(at, at + 3)
  if (turned?.op !== 'qkNormRope' || stored?.op !== 'store') return undefined
  const { q, k, headDim } = turned.args
  const { v, cache, layer } = stored.args
  const fits = stored.args.k === k && v !== q && v !== k && q !== k && headDim === cache.spec.headDim
  if (!fits || kit.cache(cache).layers[layer].length > 1) return undefined
  const attends =
    one &&
    attended?.op === 'attend' &&
    attended.args.q === q &&
    attended.args.cache === cache &&
    attended.args.layer === layer &&
    ![q, k, v].includes(attended.args.out)
  if (!attends) return { dispatches: heads.qkNormRopeStore(kit, turned.args, stored.args), calls: 2 }
  const row = { turned: turned.args, stored: stored.args, attended: attended.args }
  return { dispatches: attention.fusedAttend(kit, row), calls: 3 }
}

function single(kit: Kit, call: Call, one: boolean): readonly Dispatch[] {
  switch (call.op) {
    case 'embed':
      return rows.embed(kit, call.args)
    case 'norm':
      return rows.norm(kit, call.args)
    case 'qkv':
      return products.qkv(kit, one, call.args)
    case 'qkNormRope':
      return heads.qkNormRope(kit, call.args)
    case 'store':
      return heads.store(kit, call.args)
    case 'attend':
      return attention.attend(kit, call.args)
    case 'rerotate':
      return heads.rerotate(kit, call.args)
    case 'project':
      return products.project(kit, one, call.args)
    case 'addNorm':
      return rows.addNorm(kit, call.args)
    case 'gatedUp':
      return products.gatedUp(kit, one, call.args)
    case 'logits':
      return products.logits(kit, one, call.args)
    case 'top':
      return top(kit, one, call.args)
    case 'draw':
      return draw(kit, call.args)
    case 'edit':
      return logits.edit(kit, call.args)
    case 'rank':
      return logits.rank(kit, call.args)
    case 'logSum':
      return logits.logSum(kit, call.args)
    case 'addProject':
      return products.addProject(kit, one, call.args)
    case 'gate':
      return adapters.gate(kit, call.args)
    case 'patches':
      return images.patches(kit, call.args)
    case 'layerNorm':
      return images.layerNorm(kit, call.args)
    case 'linear':
      return products.linear(kit, one, call.args)
    case 'addLinear':
      return products.addLinear(kit, one, call.args)
    case 'attendAll':
      return images.attendAll(kit, call.args)
    case 'pool':
      return images.pool(kit, call.args)
    default:
      return call satisfies never
  }
}
