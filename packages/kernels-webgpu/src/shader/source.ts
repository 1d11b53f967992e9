import { WGSL } from '../generated/wgsl.js'
import { render, type Values } from './template.js'

export type TemplateName = keyof typeof WGSL

/** What a kernel is bound to, by the name that its shader has for it, after the parameters. */
export interface Binding {
  readonly name: string
  readonly access: 'read' | 'read_write'
  /** Elements of the array. */
  readonly element: 'vec4<f32>' | 'vec4<u32>' | 'f32' | 'u32'
}

export interface KernelSource {
  readonly label: string
  readonly code: string
  readonly bindings: readonly Binding[]
}

/**
 * Puts a kernel together: what it is bound to, the parts that it calls, itself.
 * @param parts texts that are ready, or templates to be filled in with the same values
 */
export function kernelSource(
  op: TemplateName,
  bindings: readonly Binding[],
  values: Values,
  { parts = [], texts = [] }: { readonly parts?: readonly TemplateName[]; readonly texts?: readonly string[] } = {},
): KernelSource {
  const declared = bindings.map(
    ({ name, access, element }, i) =>
      `@group(1) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${element}>;`,
  )
  const code = [
    values.SUBGROUPS === true ? 'enable subgroups;' : '',
    values.HALVES === true ? 'enable f16;' : '',
    render(WGSL['lib/step'], values),
    '@group(1) @binding(0) var<uniform> params: Params;',
    ...declared,
    ...parts.map((part) => render(WGSL[part], values)),
    ...texts,
    render(WGSL[op], values),
  ]
  return { label: op, code: code.filter((text) => text !== '').join('\n'), bindings }
}
