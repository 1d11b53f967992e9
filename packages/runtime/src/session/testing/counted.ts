import type { Backend, Ops, Program } from '@g3/backend'

/** A backend that counts the rows of text that a model runs: those of the programs that embed tokens. */
export function counted<B extends Backend>(backend: B): { readonly backend: B; rows(): number } {
  let count = 0
  const bodies = new Set<Program>()
  return {
    backend: {
      ...backend,
      record(label, build) {
        let embeds = false
        const noted = (ops: Ops): void =>
          build({
            ...ops,
            embed(args) {
              embeds = true
              ops.embed(args)
            },
          })
        const program = backend.record(label, noted)
        if (embeds) bodies.add(program)
        return program
      },
      run(program, step) {
        if (bodies.has(program)) count += step.rows
        backend.run(program, step)
      },
    },
    /** Rows since it was last asked. */
    rows() {
      const found = count
      count = 0
      return found
    },
  }
}
