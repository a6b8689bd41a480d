import { open, rm } from 'node:fs/promises'

const syncs = 20
/** As much as a small commit writes. */
const bytes = Buffer.alloc(4096, 0x6d)

/** What an fsync takes on the disk of `path`, several times, measured off the event loop in a file beside it. */
export async function measureSyncsMs(path: string): Promise<readonly number[]> {
  const probe = `${path}.probe-${process.pid}-${Math.random().toString(36).slice(2)}`
  const file = await open(probe, 'wx')
  try {
    const times: number[] = []
    for (let count = 0; count < syncs; count++) {
      await file.write(bytes, 0, bytes.length, 0)
      const beganMs = performance.now()
      await file.datasync()
      times.push(performance.now() - beganMs)
    }
    return times
  } finally {
    await file.close()
    await rm(probe, { force: true })
  }
}
