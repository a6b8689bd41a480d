import type { Log, Topic } from '../log/log.ts'
import type { RecordCursor } from '../log/records/record-batch.ts'

/** Visits every record of a topic that is there now, in order of each partition, from the positions given or the start. */
export async function readTopic(
  log: Log,
  topic: Pick<Topic, 'name' | 'partitions'>,
  visit: (cursor: RecordCursor, partition: number) => void,
  from?: readonly number[],
): Promise<void> {
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition }))
  const [starts, ends] = await Promise.all([from ?? log.offsets('start', partitions), log.offsets('end', partitions)])
  const reader = log.createReader()
  try {
    const left = new Set<number>()
    for (const [partition, start] of starts.entries()) {
      if (start >= ends[partition]!) continue
      reader.assign({ topic: topic.name, partition }, start)
      left.add(partition)
    }
    while (left.size > 0) {
      for (const { partition, batches, from: first, position } of await reader.poll()) {
        for (const batch of batches) {
          if (batch.isControl) continue
          const cursor = batch.records()
          while (cursor.next()) if (cursor.offset >= first) visit(cursor, partition)
        }
        if (position >= ends[partition]!) left.delete(partition)
      }
    }
  } finally {
    await reader.close()
  }
}
