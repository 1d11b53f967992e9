#!/usr/bin/env node
import { fail } from './failure.js'
import { program } from './program.js'
import { guardStdout } from './output.js'

// The `g3` command. Commands are imported when they are called, so that each starts as fast as it can.
guardStdout()
try {
  await program().parseAsync(process.argv)
} catch (error) {
  fail(error)
}
