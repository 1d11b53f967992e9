import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@g3/chromium'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe finds on a page as it stands. */
export const violationsOf = (page: Page): Promise<readonly Violation[]> =>
  page.evaluate(`${AXE};axe.run().then(({ violations }) => violations.map(
    ({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })) })))`)
