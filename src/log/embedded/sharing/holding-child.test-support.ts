/** Started by tests: opens a log and keeps it until it is killed, or tells why it cannot. */
import { toError } from '../../../core/errors.ts'
import { openEmbeddedLog } from '../index.ts'

const [path = '', sqliteVersion] = process.argv.slice(2)
try {
  await openEmbeddedLog({ path, ...(sqliteVersion !== undefined && { sqliteVersion }) })
  console.log('open')
  process.stdin.resume()
} catch (error) {
  const { name, message } = toError(error)
  console.log(`${name}: ${message}`)
}
