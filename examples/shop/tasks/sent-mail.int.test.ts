import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../shop.test-support.ts'
import { SentMail } from './sent-mail.ts'

const mail = { taskId: 't1', userId: 'u', orderId: 'o1' }
const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('a mail goes out once an order, or once a task, also after a restart', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'new', 'sent-mail.jsonl')
  for (let start = 0; start < 2; start++) {
    const sentMail = new SentMail(path)
    sentMail.send(mail)
    sentMail.send({ ...mail, taskId: 't2' })
    sentMail.send({ taskId: 'o1', userId: 'u' })
    sentMail.send({ taskId: 'o1', userId: 'u' })
  }
  expect(linesOf(path)).toEqual([mail, { taskId: 'o1', userId: 'u' }])
})

test('a line that a kill cut off is removed, and its mail goes out', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'sent-mail.jsonl')
  new SentMail(path).send({ ...mail, orderId: 'ö' })
  appendFileSync(path, '{"orderId":"o1","us')
  new SentMail(path).send(mail)
  expect(linesOf(path)).toEqual([{ ...mail, orderId: 'ö' }, mail])
})
