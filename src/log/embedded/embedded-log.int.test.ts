import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { describeLogEngine, type EngineHarness, type Trial } from '../conformance/index.ts'
import { type EmbeddedLogOptions, openEmbeddedLog } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-embedded-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const cleaning = { intervalMs: 20, dirtyRatio: 0 }

function inFile(options: EmbeddedLogOptions = {}): EngineHarness {
  return {
    open: () => openEmbeddedLog({ cleaning, ...options, path: join(folder, `${++files}`, 'log.db') }),
    reopen: (closed) => openEmbeddedLog({ cleaning, ...options, path: closed.location.slice('file:'.length) }),
    openAnother: (log) => openEmbeddedLog({ cleaning, ...options, path: log.location.slice('file:'.length) }),
  }
}

describeLogEngine('A file', inFile())
describeLogEngine('A file whose offsets skip', inFile({ offsetGap: 3 }))
// Every read goes to the file.
describeLogEngine('A file without its tail in memory', inFile({ tailCacheBytes: 0 }))
const openMemory = () => openEmbeddedLog({ memory: true, cleaning })
const forgotten = {
  reason: 'nothing of it outlives a log in memory',
  instead: async (trial: Trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a')
    const { id } = trial.log
    await trial.reopen()
    expect(trial.log.id).not.toBe(id)
    expect(await trial.log.topics()).toEqual([])
  },
}
describeLogEngine('Memory', {
  open: openMemory,
  reopen: openMemory,
  differences: [
    { title: 'keeps topics, records and committed offsets while it is closed', ...forgotten },
    { title: 'keeps entries while it is closed', ...forgotten },
    { title: 'keeps what was deleted deleted after it was closed', ...forgotten },
    { title: 'keeps compacting what is appended, and goes on after it was closed', ...forgotten },
    { title: 'gives a partition another epoch after it was closed', ...forgotten },
  ],
})
