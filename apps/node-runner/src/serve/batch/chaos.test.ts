import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { hasValkey } from './testing/valkey-server.js'

/** The command as it is built is killed at random: a minute, so only where it is asked for. */
const chaos = async (...flags: string[]): Promise<string> => {
  const tool = fileURLToPath(new URL('../../../../../lab/batch-chaos.mjs', import.meta.url))
  return (await promisify(execFile)(process.execPath, [tool, ...flags])).stdout
}

describe.runIf(process.env.G3_CHAOS === '1')('batches whose servers are killed', () => {
  it('have each line once in a folder', async () => {
    expect(await chaos('--folder', '--kills', '3')).toMatch(/front: 3[^]*each exactly once/)
  }, 120_000)

  it.runIf(hasValkey)(
    'have each line once in Valkey, which is killed, too',
    async () => {
      expect(await chaos('--kills', '6')).toMatch(/each exactly once/)
    },
    300_000,
  )
})
