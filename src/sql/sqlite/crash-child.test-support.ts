/** Started by the crash test: commits transactions until it is killed, and prints each one that is durable. */
import { message, openTestHome, txOf } from './sqlite-home.test-support.ts'

const [path = ''] = process.argv.slice(2)
const { home } = await openTestHome({ path })
const checkpoint = await home.claim({ group: 'g', logId: 'l', topic: 't', topicId: 'i', partition: 0 })
let next = checkpoint.progress?.position ?? 0
let finished = next

async function handleForever(): Promise<void> {
  for (;;) {
    const id = next++
    const transaction = home.begin()
    await txOf(transaction).insertInto('items').values({ id, name: null }).execute()
    // Transactions of one partition commit in the order of their statements here, so the position is exact.
    const advance = () => ({ progress: { position: finished + 1, finished: [] } })
    await transaction.commit({ checkpoint, advance, committed: () => finished++, outputs: [message(String(id))] })
    await home.durable()
    process.stdout.write(`${id}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, handleForever))
