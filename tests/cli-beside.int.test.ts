import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { millrace, RejectError } from 'millrace'
import { queue, worker } from 'millrace/queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { shell } from './cli.test-support.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const mails = queue('mails', { schema: z.object({ type: z.literal('MAIL'), to: z.string() }), partitions: 2 })

describe('millrace beside an app that runs', () => {
  let folder: string
  let isOut = true
  const sent: string[] = []
  let app: ReturnType<typeof millrace>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
    app = millrace('mail', { url: `file:${join(folder, '.millrace', 'log.db')}`, logger: silent })
    app.add(
      worker('mailers', {
        from: mails,
        on: {
          MAIL: ({ to }) => {
            if (to === 'nobody' && isOut) throw new RejectError('there is no such person')
            sent.push(to)
          },
        },
      }),
    )
    await app.start()
  })
  afterAll(async () => {
    await app.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const answerOf = async (line: string) => JSON.parse((await shell(folder, `millrace ${line} --json`)).out)

  it('sees who works', async () => {
    const { groups } = await answerOf('groups')
    expect(groups).toMatchObject([
      { group: 'mailers', members: [{ process: expect.stringContaining(`${process.pid}`), partitions: 2 }] },
    ])
    expect((await shell(folder, 'millrace doctor')).code).toBe(0)
  })

  it('appends what the app handles', async () => {
    await shell(folder, `millrace publish mails '{"type":"MAIL","to":"ada"}'`)
    await expect.poll(() => sent, { timeout: 20_000 }).toEqual(['ada'])
  })

  it('has a dead letter handled again, and hears that it was', async () => {
    await app.send(mails, { type: 'MAIL', to: 'nobody' })
    await app.settled()
    const { deadLetters } = await answerOf('dead-letters list')
    expect(deadLetters).toMatchObject([{ group: 'mailers', message: 'there is no such person' }])
    isOut = false
    const { out } = await shell(folder, `millrace dead-letters redrive --fingerprint ${deadLetters[0].fingerprint}`)
    expect(out).toBe('1 dead letter redriven.\n')
    await app.settled()
    expect(sent).toEqual(['ada', 'nobody'])
  })

  it('cancels a task that waits for its time', async () => {
    await app.send(mails, { type: 'MAIL', to: 'later' }, { id: 'later', delay: '1h' })
    await app.settled()
    expect((await shell(folder, 'millrace delayed cancel later')).out).toBe('later is cancelled.\n')
    expect((await app.status()).components[0]!.group!.delayed.records).toBe(0)
  })
})
