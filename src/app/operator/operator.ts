import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { standardErrorLogger } from '../../core/logger.ts'
import type { Finding } from '../../log/admin.ts'
import { openStoreReader, type StoreReader } from '../../sql/store-reader.ts'
import {
  createDeadLetters,
  type DeadLetters,
  type EditedDeadLetter,
  type RedriveOptions,
  type ToldDeadLetter,
} from '../dead-letters.ts'
import { createDelayedTasks, type DelayedTasks } from '../delayed.ts'
import { LogNotFoundError, NoStoresError, NotInAppError, UnsupportedLogUrlError } from '../errors.ts'
import { AppHost } from '../host.ts'
import { readSettings } from '../millrace.ts'
import { defaultLogUrl, diagnoseUnopened, filePathOf } from '../open-log.ts'
import { type GroupLag, type GroupSummary, listGroups, readLag } from './groups.ts'
import { type HeldKeySummary, listHeld } from './held.ts'
import { type PlainPublish, publishPlain } from './publish.ts'
import { redriveEdited } from './redrive-edited.ts'
import { type TailedRecord, type TailOptions, tail } from './tail.ts'
import { describeTopic, findTopic, listTopics, type TopicDescription, type TopicSummary } from './topics.ts'

/** What a person does with a log beside the apps that use it: `millrace` on the command line. Closes with `await using`. */
export interface Operator extends AsyncDisposable {
  /** For people: where the log is. */
  readonly location: string
  readonly deadLetters: DeadLetters
  readonly delayed: DelayedTasks
  /** As `deadLetters.redrive` of one with another value, that no schema checks. */
  redriveEdited(edited: EditedDeadLetter, options?: RedriveOptions): Promise<readonly ToldDeadLetter[]>
  /** Throws `UnknownTopicError` or `UnknownGroupError` where there is none of that name. */
  expectKnown(names: { readonly topic?: string | undefined; readonly group?: string | undefined }): Promise<void>
  topics(): Promise<readonly TopicSummary[]>
  /** Throws `UnknownTopicError`. */
  describeTopic(name: string): Promise<TopicDescription>
  groups(): Promise<readonly GroupSummary[]>
  /** Of one group or all, for each partition. Throws `UnknownGroupError`. */
  lag(group?: string): Promise<readonly GroupLag[]>
  held(group?: string): Promise<readonly HeldKeySummary[]>
  /** Records as they are, decoded as far as they are JSON. Throws `UnknownTopicError`. */
  tail(options: TailOptions): AsyncGenerator<TailedRecord>
  /** Appends records that no schema has checked. Resolves with their places when they are durable. */
  publish(publish: PlainPublish): Promise<readonly { readonly partition: number; readonly id: string }[]>
  diagnose(): Promise<readonly Finding[]>
}

/** What an operator looks into. */
export interface OperatorOptions {
  /** `MILLRACE_URL` by default, else the default file. */
  readonly url?: string | undefined
  /** Where groups commit that have a database. `DATABASE_URL` by default, else the default file, and neither has to be there. */
  readonly databaseUrl?: string | undefined
}

/**
 * Opens the log at `url`, else at `MILLRACE_URL`, else the default file. It has to be there: throws `LogNotFoundError`
 * where it is not, and makes nothing.
 */
export async function openOperator(options: OperatorOptions = {}): Promise<Operator> {
  const { databaseUrl } = options
  const url = urlOf(options)
  const settings = readSettings('millrace-cli', { url, logger: standardErrorLogger() })
  expectFile(url)
  const host = new AppHost({
    ...settings,
    attachmentOf: (component) => {
      throw new NotInAppError(component.name, settings.appName)
    },
    failed: (_, error) => settings.logger.error(error.message),
  })
  // First: it is closed where the log cannot be opened, and the log need not be closed where it is refused.
  const database = openStores(settings.databaseUrl, databaseUrl)
  const log = await host.log().catch((error) => {
    database.close()
    throw error
  })
  return {
    location: log.location,
    expectKnown: async ({ group, topic }) => {
      if (topic !== undefined) await findTopic(log, topic)
      if (group !== undefined) await readLag(log, group)
    },
    deadLetters: createDeadLetters(host),
    delayed: createDelayedTasks(host, database),
    redriveEdited: (edited, options) => redriveEdited(host, edited, options),
    topics: () => listTopics(log),
    describeTopic: (name) => describeTopic(log, name),
    groups: () => listGroups(log),
    lag: (group) => readLag(log, group),
    held: (group) => listHeld(log, { group, database }),
    tail: (options) => tail(log, options),
    publish: (publish) => publishPlain(host, publish),
    diagnose: () => log.diagnose(),
    [Symbol.asyncDispose]: async () => {
      database.close()
      await host.closeLog()
    },
  }
}

/** Looks at the log, also where it cannot be opened because nobody can write it. Throws as `openOperator`. */
export async function diagnoseLog(options: OperatorOptions = {}): Promise<readonly Finding[]> {
  let operator: Operator
  try {
    operator = await openOperator(options)
  } catch (error) {
    return await diagnoseUnopened(urlOf(options), error)
  }
  await using opened = operator
  return await opened.diagnose()
}

function urlOf({ url }: OperatorOptions): string {
  return url ?? (process.env.MILLRACE_URL || defaultLogUrl)
}

/** What groups keep in their database. Throws where one was named and is not there. */
function openStores(byDefault: string, named: string | undefined): StoreReader {
  if (named === undefined) return new DefaultStores(byDefault)
  const stores = openStoreReader(named)
  if (stores === undefined) throw new NoStoresError(named)
  return stores
}

/** The database in its default place: perhaps there is none, and what does not ask for it does not fail with it. */
class DefaultStores implements StoreReader {
  readonly #url: string
  #isOpen = false
  #stores: StoreReader | undefined

  constructor(url: string) {
    this.#url = url
  }

  read(...[place, range]: Parameters<StoreReader['read']>): ReturnType<StoreReader['read']> {
    if (!this.#isOpen) this.#stores = openStoreReader(this.#url)
    this.#isOpen = true
    return this.#stores?.read(place, range) ?? []
  }
  close(): void {
    this.#stores?.close()
  }
}

function expectFile(url: string): void {
  if (url === 'memory:') {
    throw new UnsupportedLogUrlError(url, 'a log in memory can be reached in its own process alone')
  }
  const path = resolve(filePathOf(url))
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined || size === 0) throw new LogNotFoundError(path)
}
