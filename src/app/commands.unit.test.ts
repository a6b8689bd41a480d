import { expect, it } from 'vitest'
import type { Log, Unit } from '../log/log.ts'
import { tellGroups } from './commands.ts'
import type { AppHost } from './host.ts'

it('many commands are told in order, in commits of about a megabyte', async () => {
  const commits: string[][] = []
  const log: Pick<Log, 'commit'> = {
    commit: async ({ batches = [] }: Unit) => {
      commits.push(batches.map(({ topic, partition }) => `${topic}/${partition}`))
      return batches.map(() => 0)
    },
  }
  const host: Pick<AppHost, 'progressed'> = { progressed() {} }
  const told = Array.from({ length: 5 }, (_, partition) => {
    const fields = { timestampMs: 0, key: null, value: 'x'.repeat(600_000) }
    return { id: `${partition}`, group: 'g', topic: 't', partition, fields }
  })
  await tellGroups(host as AppHost, log as Log, told)
  expect(commits.map((commit) => commit.length)).toEqual([2, 2, 1])
  expect(commits.flat()).toEqual(told.map(({ partition }) => `millrace-commands-g/${partition}`))
  await tellGroups(host as AppHost, log as Log, [])
  expect(commits).toHaveLength(3)
})
