import type { Buffer, LoraOps, Ops, Product, Weight } from '@g3/backend'
import type { HeldAdapter, HeldPair } from './held-adapter.js'

/** An adapter and how much of it is added. */
export interface Scaled {
  readonly held: HeldAdapter
  readonly scale: number
}

/** Buffers between the ops, of as many rows as the model's own. */
export interface Room {
  /** What A makes of x, [rows, cols]. Three at a time, for q, k and v. */
  thin(place: 0 | 1 | 2, cols: number): Buffer
  /** The product with the up matrix, where gelu has to wait. */
  up(cols: number): Buffer
}

interface Addend extends HeldPair {
  /** All that B · A is multiplied by. */
  readonly scale: number
}

/**
 * Ops that add, after each product with a matrix of the model, what the adapters have for it, one after the other:
 * out += scale · (x · Aᵀ) · Bᵀ. What no adapter has is recorded as it is. The head's matrix is the embedding's, and stays as it
 * is: adapters change how tokens are read, as in PEFT and llama.cpp.
 */
export function adaptedOps(ops: Ops & LoraOps, adapters: readonly Scaled[], room: Room): Ops {
  const addendOf = ({ held, scale }: Scaled, { name }: Weight): Addend | undefined => {
    const pair = held.pairs.get(name)
    return pair && { ...pair, scale: scale * pair.scale }
  }
  const isAdapted = (weight: Weight): boolean => adapters.some(({ held }) => held.pairs.has(weight.name))

  /** out += what one adapter has for this matrix */
  const add = (adapter: Scaled, x: Buffer, { weight, out }: Product): void => {
    const addend = addendOf(adapter, weight)
    if (addend === undefined) return
    const { a, b, scale, cols } = addend
    const thin = room.thin(0, cols)
    ops.project({ x, weight: a, out: thin })
    ops.addProject({ x: thin, weight: b, scale, out })
  }

  /** The same for three matrices, whose first products are one op where all are there. */
  const addThree = (adapter: Scaled, x: Buffer, products: readonly [Product, Product, Product]): void => {
    const [q, k, v] = products.map(({ weight }) => addendOf(adapter, weight))
    if (q === undefined || k === undefined || v === undefined) {
      for (const product of products) add(adapter, x, product)
      return
    }
    const first = ({ a, cols }: Addend, place: 0 | 1 | 2): Product => ({ weight: a, out: room.thin(place, cols) })
    const thin = { q: first(q, 0), k: first(k, 1), v: first(v, 2) }
    ops.qkv({ x, ...thin })
    for (const [i, [{ b, scale }, { out }]] of (
      [
        [q, thin.q],
        [k, thin.k],
        [v, thin.v],
      ] as const
    ).entries()) {
      ops.addProject({ x: out, weight: b, scale, out: products[i].out })
    }
  }

  return {
    ...ops,
    embed(args) {
      ops.embed(args)
      for (const adapter of adapters) {
        const addend = addendOf(adapter, args.weight)
        if (addend === undefined) continue
        const { a, b, scale, cols } = addend
        const thin = room.thin(0, cols)
        ops.embed({ ...args, weight: a, scale: 1, out: thin })
        ops.addProject({ x: thin, weight: b, scale: scale * args.scale, out: args.out })
      }
    },
    qkv(args) {
      ops.qkv(args)
      for (const adapter of adapters) addThree(adapter, args.x, [args.q, args.k, args.v])
    },
    project(args) {
      ops.project(args)
      for (const adapter of adapters) add(adapter, args.x, args)
    },
    gatedUp(args) {
      if (!isAdapted(args.gate) && !isAdapted(args.up)) {
        ops.gatedUp(args)
        return
      }
      const { x, out } = args
      const gate = { weight: args.gate, out }
      const up = { weight: args.up, out: room.up(out.cols) }
      for (const product of [gate, up]) {
        ops.project({ x, ...product })
        for (const adapter of adapters) add(adapter, x, product)
      }
      ops.gate({ up: up.out, out })
    },
  }
}
