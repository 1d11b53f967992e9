import type { Generation, GenerateOptions, Model, Prompt } from '@g3/runtime'
import { constraintCache, type ConstraintText, type WorkerModel } from '@g3/runtime/worker'

/** A model in this thread, or one in a worker. */
export type G3Model =
  | Pick<Model, 'name' | 'generate' | 'vocabulary' | 'picture' | 'seesImages'>
  | Pick<WorkerModel, 'name' | 'generate' | 'picture' | 'seesImages'>

/** Continues a prompt under a constraint that is told as a text, wherever the model is. */
export type Write = (
  prompt: Prompt,
  options: Omit<GenerateOptions, 'constraint'>,
  constraint: ConstraintText | undefined,
) => Generation

export function writer(model: G3Model): Write {
  if (!('vocabulary' in model)) {
    return (prompt, options, constraint) => model.generate(prompt, { ...options, ...(constraint && { constraint }) })
  }
  const compiled = constraintCache(() => model.vocabulary())
  return (prompt, options, constraint) =>
    model.generate(prompt, { ...options, ...(constraint && { constraint: compiled(constraint).start() }) })
}
