/** Large enough that caches hold little of it; every device has buffers of this size. */
const BYTES = 2 ** 27
const COPIES = 4
const ROUNDS = 3

const COPY_SRC = 0x4
const COPY_DST = 0x8

/** Bytes that an adapter reads and writes a second while it copies, in the best of a few rounds. */
export async function copyRate(adapter: GPUAdapter): Promise<number> {
  const device = await adapter.requestDevice()
  try {
    const buffer = (usage: number): GPUBuffer => device.createBuffer({ size: BYTES, usage })
    const [from, to] = [buffer(COPY_SRC | COPY_DST), buffer(COPY_DST)]
    let best = 0
    for (let round = 0; round < ROUNDS; round++) {
      const encoder = device.createCommandEncoder()
      for (let copy = 0; copy < COPIES; copy++) encoder.copyBufferToBuffer(from, 0, to, 0, BYTES)
      const start = performance.now()
      device.queue.submit([encoder.finish()])
      await device.queue.onSubmittedWorkDone()
      best = Math.max(best, (2 * BYTES * COPIES * 1000) / (performance.now() - start))
    }
    return Math.round(best)
  } finally {
    device.destroy()
  }
}
