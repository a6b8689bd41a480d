import { describe, expect, it } from 'vitest'
import { sealBatch } from '../../log/records/batch-sealer.ts'
import { BatchWriter, type RecordFields } from '../../log/records/batch-writer.ts'
import { RecordBatch, type RecordCursor } from '../../log/records/record-batch.ts'
import { type Cancel, encodeCancel, encodeRedrive, InvalidCommandError, readCommand } from './command.ts'

const origin = { group: 'g', topic: 't', topicId: 'i', partition: 0, offset: 7, death: 'd' }
const place = { topic: 't', topicId: 'i', offset: 7 }

function cursorAt(fields: RecordFields): RecordCursor {
  const writer = new BatchWriter()
  writer.append(fields)
  const cursor = RecordBatch.parse(sealBatch(writer.finish(), { baseOffset: 0 })).records()
  cursor.next()
  return cursor
}
function redriveOf(from: object): RecordFields {
  const headers = [
    ['millrace-id', 'r'],
    ['millrace-origin', JSON.stringify(from)],
  ] as const
  return encodeRedrive('c', { timestampMs: 0, key: null, value: 'x', headers }).fields
}
const cancelOf = (at: object) =>
  encodeCancel({ kind: 'cancel', id: 'c', taskId: 'x', place: at as Cancel['place'] & object }, 0).fields

describe('a command', () => {
  it('is read as it was given', () => {
    expect(readCommand(cursorAt(redriveOf(origin)))).toMatchObject({ kind: 'redrive', id: 'c', origin, recordId: 'r' })
    expect(readCommand(cursorAt(cancelOf(place)))).toEqual({ kind: 'cancel', id: 'c', taskId: 'x', place })
  })

  it.each([
    ['no offset', redriveOf({ ...origin, offset: undefined })],
    ['an offset that is none', redriveOf({ ...origin, offset: -1.5 })],
    ['no topic id', redriveOf({ ...origin, topicId: 1 })],
    ['a place without an offset', cancelOf({ ...place, offset: 'x' })],
    ['no headers', { timestampMs: 0, key: null, value: null }],
  ])('with %s is not ours: carried out, it would end its group at each start', (_, fields) => {
    expect(() => readCommand(cursorAt(fields))).toThrow(InvalidCommandError)
  })
})
