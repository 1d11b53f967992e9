import type { Buffer, Ops, Program } from '@g3/backend'

/** Records a program of the model's own ops, or of ops that adapters add to. */
export type Record = (label: string, build: (ops: Ops) => void) => Program

/** Records all of a body's programs. */
export type RecordBody = (record: Record) => BodyPrograms

/** The programs from ids, or from what stands for them, to normed hidden states: what adapters change. */
export interface BodyPrograms {
  /** From the step's ids through all layers. */
  readonly body: Program
  /** The body after its beginning; where some steps have another. */
  readonly layers: Program | undefined
  /** The body's beginning with ids out of a buffer. */
  follow(ids: Buffer): Program
  /** All of these. */
  readonly all: readonly Program[]
}

export interface BodyParts {
  /** Ids -> x and h. Default: of the step */
  begin(ops: Ops, ids?: Buffer): void
  layers(ops: Ops): void
  /** Whether some steps begin otherwise. */
  readonly hasOtherStarts: boolean
  /** Buffers for {@link BodyPrograms.follow}, whose programs are recorded with the others. */
  readonly drawn: readonly Buffer[]
}

export const bodyRecorder =
  ({ begin, layers, hasOtherStarts, drawn }: BodyParts): RecordBody =>
  (record) => {
    const all: Program[] = []
    const add: Record = (label, build) => {
      const program = record(label, build)
      all.push(program)
      return program
    }
    const follows = new Map<Buffer, Program>()
    const follow = (ids: Buffer): Program => {
      const known = follows.get(ids) ?? add(`after ${ids.label}`, (ops) => begin(ops, ids))
      follows.set(ids, known)
      return known
    }
    const programs = {
      body: add('body', (ops) => {
        begin(ops)
        layers(ops)
      }),
      layers: hasOtherStarts ? add('layers', layers) : undefined,
      follow,
      all,
    }
    for (const ids of drawn) follow(ids)
    return programs
  }
