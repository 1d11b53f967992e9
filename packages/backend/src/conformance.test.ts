import { describe, expect, it } from 'vitest'
import type { Backend, CacheView, Ops, Step } from './contract.js'
import type { LogitBackend, LogitOps } from './logit-ops.js'
import type { LoraBackend, LoraOps } from './lora-ops.js'
import { reference } from './reference.js'
import {
  conformance,
  logitConformance,
  loraConformance,
  visionConformance,
  type ConformanceOptions,
  type TestRunner,
} from './test.js'
import type { VisionBackend, VisionOps } from './vision-ops.js'

// A suite is worth what it catches: each fault below is put into a backend that is right otherwise.

const OPTIONS: ConformanceOptions = {
  tolerances: {
    elementwise: 1e-5,
    rope: 1e-5,
    product: 0.03,
    productOnGrid: 1e-3,
    attend: { f32: 1e-3, f16: 1e-3, q8_0: 1e-3 },
    layers: 0.05,
  },
  types: ['F32', 'Q8_0'],
  batchInvariant: true,
}

type Suite<B extends Backend> = (make: () => B, runner: TestRunner, options: ConformanceOptions) => void

interface Test {
  readonly name: string
  readonly body: () => Promise<void>
}

/** The tests that the suite would register, with their group in the name. */
function testsOf<B extends Backend>(makeBackend: () => B, suite: Suite<B>): readonly Test[] {
  const tests: Test[] = []
  let group = ''
  const runner = {
    describe(name: string, body: () => void) {
      group = name
      body()
    },
    it: (name: string, body: () => Promise<void>) => tests.push({ name: `${group}: ${name}`, body }),
  }
  suite(makeBackend, runner, OPTIONS)
  return tests
}

/** Names of the suite's tests that fail, among those whose name has `group`. */
async function failures(makeBackend: () => Backend, group: string): Promise<readonly string[]> {
  return failuresOf(testsOf(makeBackend, conformance), group)
}

async function failuresOf(all: readonly Test[], group: string): Promise<readonly string[]> {
  const failed: string[] = []
  const tests = all.filter(({ name }) => name.includes(group))
  if (tests.length === 0) throw new Error(`no test has ${group} in its name`)
  for (const { name, body } of tests) {
    try {
      await body()
    } catch {
      failed.push(name)
    }
  }
  return failed
}

/** The reference with other ops. */
const withOps = (fault: (ops: Ops) => Partial<Ops>) => (): Backend => {
  const inner = reference()
  return { ...inner, record: (label, build) => inner.record(label, (ops) => build({ ...ops, ...fault(ops) })) }
}

/** The reference with other steps. */
const withSteps = (fault: (step: Step) => Step) => (): Backend => {
  const inner = reference()
  return { ...inner, run: (program, step) => inner.run(program, fault(step)) }
}

/** The reference with other views of its caches. */
const withViews = (fault: (view: CacheView, rows: number) => CacheView) =>
  withSteps((step) =>
    step.views === undefined ? step : { ...step, views: step.views.map((view) => fault(view, step.rows)) },
  )

/** The steps' views with other spans, seen row by row. */
const withSpans = (fault: (span: Int32Array) => void) =>
  withViews((view, rows) => {
    const spans = view.spans.slice()
    for (let row = 0; row < rows; row++) fault(spans.subarray(2 * row, 2 * row + 2))
    return { ...view, spans }
  })

const OP_FAULTS: readonly (readonly [name: string, group: string, fault: (ops: Ops) => Partial<Ops>])[] = [
  ['draw draws nothing', 'draw', () => ({ draw: () => {} })],
  ['embed leaves out the scale', 'embed', (ops) => ({ embed: (args) => ops.embed({ ...args, scale: 1 }) })],
  ['norm has twice the eps', 'norm: squares', (ops) => ({ norm: (args) => ops.norm({ ...args, eps: 2e-6 }) })],
  [
    'addNorm swaps its weights',
    'addNorm',
    (ops) => ({
      addNorm: (args) => ops.addNorm({ ...args, post: args.next, next: args.post }),
    }),
  ],
  [
    'gatedUp swaps its weights',
    'gatedUp',
    (ops) => ({
      gatedUp: (args) => ops.gatedUp({ ...args, gate: args.up, up: args.gate }),
    }),
  ],
  [
    'qkNormRope swaps its norms',
    'qkNormRope',
    (ops) => ({
      qkNormRope: (args) => ops.qkNormRope({ ...args, qNorm: args.kNorm, kNorm: args.qNorm }),
    }),
  ],
  [
    'qkNormRope leaves out the scaling',
    'qkNormRope: scaled',
    (ops) => ({
      qkNormRope: (args) => ops.qkNormRope({ ...args, rope: { base: args.rope.base, scaling: 1 } }),
    }),
  ],
  [
    'qkNormRope is off by a thousandth in its base',
    'qkNormRope: heads of 64',
    (ops) => ({
      qkNormRope: (args) => ops.qkNormRope({ ...args, rope: { ...args.rope, base: args.rope.base * 1.001 } }),
    }),
  ],
  [
    'store keeps all layers in one',
    'caches do not mix',
    (ops) => ({ store: (args) => ops.store({ ...args, layer: 0 }) }),
  ],
  [
    'attend is off by a hundredth in its scale',
    'store and attend, f32: heads of 64',
    (ops) => ({
      attend: (args) => ops.attend({ ...args, scale: args.scale * 1.01 }),
    }),
  ],
  ['rerotate does nothing', 'rerotate takes', () => ({ rerotate: () => {} })],
  ['top looks past the limit', 'top', (ops) => ({ top: (args) => ops.top({ ...args, limit: args.weight.rows }) })],
  ['top ranks by another product', 'top', (ops) => ({ logits: (args) => ops.project(args) })],
  ['logits are not computed', 'logits', () => ({ logits: () => {} })],
  ['project is not computed', 'two layers', () => ({ project: () => {} })],
  ['shapes are not checked', 'recording: refuses shapes', () => ({ norm: () => {} })],
]

/** The reference with another way to treat pages. */
const withPages = (fault: (backend: Backend) => Partial<Backend>) => (): Backend => {
  const inner = reference()
  return { ...inner, ...fault(inner) }
}

const BACKEND_FAULTS: readonly (readonly [name: string, group: string, make: () => Backend])[] = [
  [
    'a window begins one late',
    'f32: windows',
    withSpans((span) => span.fill(Math.min(span[0] + 1, span[1] - 1), 0, 1)),
  ],
  [
    'pages are taken in their own order',
    '3000 positions',
    withViews((view) => ({ ...view, pages: view.pages.toSorted() })),
  ],
  [
    'every text has the first table',
    'texts in one step',
    withViews((view) => ({ ...view, tables: view.tables.map(() => 0) })),
  ],
  [
    'the newest slot is not seen',
    '3000 positions',
    withSpans((span) => span.fill(Math.max(span[0] + 1, span[1] - 1), 1, 2)),
  ],
  ['equal logits come from the highest id', 'top', mirrored],
  ['logits start at row 0', 'logits', withSteps((step) => ({ ...step, from: 0 }))],
  ['positions are one off', 'qkNormRope', withSteps((step) => ({ ...step, ...later(step.positions) }))],
  ['the last row is left out', 'project', withSteps((step) => ({ ...step, rows: Math.max(1, step.rows - 1) }))],
  ['a row alone has other bits', 'a row alone', nudging((rows) => (rows === 1 ? 1 + 2 ** -22 : 1))],
  ['a second run has other bits', 'the same step twice', drifting()],
  ['steps are read after run has returned', 'free as soon as run returns', deferring],
  ['a copied page is the page itself', 'pages: a copy', withPages(() => ({ copyPage: idle }))],
  [
    'a page is not cleared',
    'pages: a cleared',
    withPages((inner) => ({ copyPage: (cache, from, to) => inner.copyPage(cache, from ?? to, to) })),
  ],
  [
    'a page is written to another place',
    'pages: what was read',
    withPages((inner) => ({ writePage: (cache, _, bytes) => inner.writePage(cache, 5, bytes) })),
  ],
  ['use after dispose goes through', 'dispose', () => ({ ...reference(), dispose: idle, [Symbol.asyncDispose]: idle })],
]

const idle = async (): Promise<void> => {}

const later = (positions: Int32Array | undefined): Pick<Step, 'positions'> =>
  positions === undefined ? {} : { positions: positions.map((position) => position + 1) }

/** The reference whose first value read is multiplied by a factor that depends on the rows of the latest step. */
function nudging(factor: (rows: number) => number) {
  return (): Backend => {
    const inner = reference()
    let latest = 0
    return {
      ...inner,
      run(program, step) {
        latest = step.rows
        inner.run(program, step)
      },
      async read(buffer, rows, into) {
        const values = await inner.read(buffer, rows, into)
        values[0] *= factor(latest)
        return values
      },
    }
  }
}

/** The reference, numbering equal logits from the end: it reverses runs of equals in what `top` gave. */
function mirrored(): Backend {
  const inner = reference()
  return {
    ...inner,
    async read(buffer, rows, into) {
      const values = await inner.read(buffer, rows, into)
      const half = buffer.cols / 2
      for (let n = 1; buffer.label === 'top' && n < half; n++) {
        if (values[half + n] === values[half + n - 1]) [values[n - 1], values[n]] = [values[n], values[n - 1]]
      }
      return values
    },
  }
}

function drifting(): () => Backend {
  let reads = 0
  return nudging(() => 1 + reads++ * 2 ** -22)
}

/** The reference, running its steps only when something is read. */
function deferring(): Backend {
  const inner = reference()
  const queue: (() => void)[] = []
  return {
    ...inner,
    run: (program, step) => queue.push(() => inner.run(program, step)),
    read(buffer, rows, into) {
      for (const run of queue.splice(0)) run()
      return inner.read(buffer, rows, into)
    },
  }
}

const IMAGE_FAULTS: readonly (readonly [name: string, group: string, fault: (ops: VisionOps) => Partial<VisionOps>])[] =
  [
    [
      'layerNorm has twice the eps',
      'as small as eps',
      (ops) => ({ layerNorm: (args) => ops.layerNorm({ ...args, eps: 2e-6 }) }),
    ],
    [
      'layerNorm forgets the bias',
      'layerNorm',
      (ops) => ({ layerNorm: (args) => ops.layerNorm({ ...args, bias: args.weight }) }),
    ],
    ['gelu is left out', 'linear, with', (ops) => ({ linear: ({ gelu, ...args }) => ops.linear(args) })],
    ['a sum is replaced', 'addLinear', (ops) => ({ addLinear: (args) => ops.linear(args) })],
    [
      'attendAll is off by a hundredth in its scale',
      'attendAll',
      (ops) => ({ attendAll: (args) => ops.attendAll({ ...args, scale: args.scale * 1.01 }) }),
    ],
    [
      'keys are taken for values',
      'attendAll',
      (ops) => ({ attendAll: (args) => ops.attendAll({ ...args, v: args.k }) }),
    ],
    [
      'pool takes the grid for another',
      'pool',
      (ops) => ({ pool: (args) => ops.pool({ ...args, columns: args.size }) }),
    ],
    ['shapes of images are not checked', 'refuse shapes', () => ({ pool: () => {} })],
  ]

/** The reference with other ops of images. */
const withImageOps = (fault: (ops: VisionOps) => Partial<VisionOps>) => (): VisionBackend => {
  const inner = reference()
  return { ...inner, record: (label, build) => inner.record(label, (ops) => build({ ...ops, ...fault(ops) })) }
}

describe('the suite of images catches a backend where', () => {
  it.each(IMAGE_FAULTS)('%s', async (_, group, fault) => {
    expect(await failuresOf(testsOf(withImageOps(fault), visionConformance), group)).not.toEqual([])
  })
})

/** What may be wrong with the ops of logits. */
const LOGIT_FAULTS: readonly (readonly [string, (ops: LogitOps) => Partial<LogitOps>])[] = [
  ['edits are forgotten', () => ({ edit: () => {} })],
  ['one edit fewer has room', (ops) => ({ edit: (args) => ops.edit({ ...args, most: Math.max(1, args.most - 1) }) })],
  ['ids past the limit rank', (ops) => ({ rank: (args) => ops.rank({ ...args, limit: args.logits.cols }) })],
  ['ids past the limit are summed', (ops) => ({ logSum: (args) => ops.logSum({ ...args, limit: args.logits.cols }) })],
]

describe('the suite of logits catches a backend where', () => {
  it.each(LOGIT_FAULTS)('%s', async (_, fault) => {
    const make = (): LogitBackend => {
      const inner: LogitBackend = reference()
      return { ...inner, record: (label, build) => inner.record(label, (ops) => build({ ...ops, ...fault(ops) })) }
    }
    expect(await failuresOf(testsOf(make, logitConformance), 'edit, rank')).not.toEqual([])
  })
})

/** What may be wrong with the ops of adapters. */
const LORA_FAULTS: readonly (readonly [
  string,
  (inner: LoraBackend) => Partial<LoraBackend> | ((ops: LoraOps) => Partial<LoraOps>),
])[] = [
  ['the scale is left out', () => (ops) => ({ addProject: (args) => ops.addProject({ ...args, scale: 1 }) })],
  ['nothing is added', () => () => ({ addProject: () => {} })],
  ['a gate is open', () => () => ({ gate: () => {} })],
  ['nothing is given up', () => ({ release: async () => {} })],
]

describe('the suite of adapters catches a backend where', () => {
  it.each(LORA_FAULTS)('%s', async (_, fault) => {
    const make = (): LoraBackend => {
      const inner: LoraBackend = reference()
      const broken = fault(inner)
      if (typeof broken === 'object') return { ...inner, ...broken }
      return { ...inner, record: (label, build) => inner.record(label, (ops) => build({ ...ops, ...broken(ops) })) }
    }
    expect(await failuresOf(testsOf(make, loraConformance), 'adapters')).not.toEqual([])
  })
})

describe('the suite catches a backend where', () => {
  it.each(OP_FAULTS)('%s', async (_, group, fault) => {
    expect(await failures(withOps(fault), group)).not.toEqual([])
  })

  it.each(BACKEND_FAULTS)('%s', async (_, group, make) => {
    expect(await failures(make, group)).not.toEqual([])
  })

  it('nothing is wrong: then nothing is caught', async () => {
    for (const group of ['steps', 'dispose', 'top', 'embed', 'a row alone']) {
      expect(await failures(reference, group)).toEqual([])
    }
  })
})
