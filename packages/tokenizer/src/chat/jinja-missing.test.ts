import { expect, it, vi } from 'vitest'

it('says which package to install when the optional peer is missing', async () => {
  vi.resetModules()
  vi.doMock('@huggingface/jinja', () => {
    throw new Error('Cannot find package')
  })
  const { renderJinja } = await import('./jinja.js')
  const attempt = renderJinja('', [{ role: 'user', content: 'x' }])
  await expect(attempt).rejects.toMatchObject({
    code: 'chat/jinja-missing',
    message: expect.stringContaining('npm install @huggingface/jinja'),
  })
  vi.doUnmock('@huggingface/jinja')
})
