import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

it('g3 bench --page serves the page, its script and the model, and Ctrl-C ends it', async () => {
  const got: (readonly [status: number, type: string | null, text: string])[] = []
  const running = g3(['bench', '--page', '--model', TINY], {
    onStdout: (child, text) => void visit(new URL(text.trim())).finally(() => child.kill('SIGINT')),
  })
  const visit = async (page: URL): Promise<void> => {
    for (const path of ['', '/bench-page.js', '/model.gguf', '/..%2fcli.js']) {
      const answer = await fetch(new URL(path, page))
      const text = Buffer.from(await answer.arrayBuffer()).toString('latin1')
      got.push([answer.status, answer.headers.get('Content-Type'), text])
    }
  }
  const { code, stdout } = await running
  expect(code).toBe(130)
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?model=tiny-text-q8_0\.gguf\n$/)
  expect(got.map(([status, type]) => [status, type])).toEqual([
    [200, 'text/html; charset=utf-8'],
    [200, 'text/javascript'],
    [200, 'application/octet-stream'],
    [404, null],
  ])
  expect(got[0][2]).toContain('<title>g3 on WebGPU</title>')
  expect(got[2][2]).toBe(readFileSync(TINY, 'latin1'))
})
