import type { WorkFolder } from './work-folder.ts'

/** What a group of rows gets to work with. */
export interface BenchmarkContext {
  /** On the disk that is measured; removed afterwards. */
  readonly folder: WorkFolder
  /** Longer runs where they show more. */
  readonly full: boolean
}

/** What a figure is compared with. Printed, never a reason to fail. */
export interface Goal {
  readonly text: string
  readonly met: boolean
}

/** One figure of a table. */
export interface Row {
  readonly what: string
  /** The median of the runs. */
  readonly value: number
  readonly unit: 'records/s' | 'tasks/s' | 'commits/s' | 'commands/s' | 'fsyncs/s' | 'ms' | 'MB' | 'times'
  readonly lowest: number
  readonly highest: number
  /** What else there is to know of it: the limit in the same run, for example. */
  readonly note?: string
  readonly goal?: Goal
}

/** Rows that are measured together, in a process of their own. */
export interface Group {
  readonly name: string
  measure(context: BenchmarkContext): Promise<readonly Row[]>
}

/** What `npm run bench -- <name>` runs. */
export interface Suite {
  readonly name: string
  readonly about: string
  readonly groups: readonly Group[]
}
