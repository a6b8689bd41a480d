import type { Clock } from '../core/clock.ts'
import { processIds } from '../core/ids.ts'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { Host } from '../runtime/attachment.ts'

/** As much of an app as a database sees. */
export function testHost(databaseUrl = 'memory:', clock: Clock = new ManualClock()): Host {
  const host: Pick<Host, 'appName' | 'logger' | 'clock' | 'newId' | 'databaseUrl'> = {
    appName: 'test',
    logger: silentLogger,
    clock,
    newId: processIds(),
    databaseUrl,
  }
  return host as Host
}
