#!/usr/bin/env node
import { fail } from './failure.js'
import { guardOutputs } from './output.js'
import { program } from './program.js'

// The `g3` command. Commands are imported when they are called, so that each starts as fast as it can.
guardOutputs()
process.on('uncaughtException', (error) => {
  fail(error)
  process.exit()
})
try {
  await program().parseAsync(process.argv)
} catch (error) {
  fail(error)
}
