import type { Command } from './command.ts'
import { discard, list, redrive, show } from './commands/dead-letters.ts'
import { cancelDelayed, listDelayed } from './commands/delayed.ts'
import { describe } from './commands/describe.ts'
import { doctor } from './commands/doctor.ts'
import { groups, lag } from './commands/groups.ts'
import { held } from './commands/held.ts'
import { publish } from './commands/publish.ts'
import { tail } from './commands/tail.ts'
import { topics } from './commands/topics.ts'

/** In the order in which `millrace --help` shows them. */
export const commands: readonly Command[] = [
  topics,
  describe,
  tail,
  publish,
  groups,
  lag,
  held,
  list,
  show,
  redrive,
  discard,
  listDelayed,
  cancelDelayed,
  doctor,
]
