import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeLog, shell } from './cli.test-support.ts'

interface Dead {
  readonly id: string
  readonly fingerprint: string
}

/** What the documents show: each session runs on a log of its own, its lines one after the other. */
const sessions = {
  look: [
    'millrace topics',
    'millrace describe orders',
    'millrace tail orders --limit 3',
    'millrace groups',
    'millrace lag payment',
  ],
  publish: [
    `millrace publish orders '{"type":"ORDER_CREATED","orderId":"order-9","total":5}' --key order-9 --id by-hand`,
    'millrace topics --url file:typo.db',
  ],
  failures: [
    'millrace held',
    'millrace dead-letters list',
    'millrace dead-letters show DEAD',
    'millrace dead-letters redrive DEAD --dry-run',
    'millrace dead-letters redrive DEAD',
    'millrace dead-letters list --all',
  ],
}

it.each(Object.entries(sessions))('the session %s of the documents is what the commands say', async (name, lines) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
  try {
    await makeLog(folder)
    const [dead] = JSON.parse((await shell(folder, 'millrace dead-letters list --json')).out).deadLetters
    let text = ''
    for (const template of lines) {
      const line = template.replace('DEAD', dead.id)
      const { out, err } = await shell(folder, line)
      text += `${text === '' ? '' : '\n'}$ ${line}\n${out}${err}`
    }
    await expect(withoutChance(text, { folder, dead })).toMatchFileSnapshot(
      join('..', 'examples', 'cli', `${name}.txt`),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** What differs from one run to the next: the folder, times, jitter, the line of the code that failed. */
function withoutChance(text: string, { folder, dead }: { readonly folder: string; readonly dead: Dead }): string {
  return text
    .replaceAll(folder, '/srv/shop')
    .replaceAll(dead.fingerprint, '3f9a0c5be2d4')
    .replace(/first \S+, last \S+/, 'first 2026-01-31T12:00:01.500Z, last 2026-01-31T12:00:01.500Z')
    .replaceAll(dead.id, 'id-8')
    .replace(/in [3-6]\d min/g, 'in 47 min')
    .replace(/in [4-8] h( *)/g, 'in 6 h$1')
}
