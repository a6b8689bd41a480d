import type { MemberDescription } from '../../admin.ts'
import type { TopicPartition } from '../../log.ts'
import type { SqlDatabase, SqlStatement } from '../database.ts'
import { assignPartitions } from './assignor.ts'

/** A partition of a group, as one of its members sees it. */
export interface LeaseRow extends TopicPartition {
  /** Its number in the file. */
  readonly number: number
  readonly epoch: number
  /** Members by number; null for nobody. */
  readonly owner: number | null
  readonly wanted: number | null
  /** The process of the owner. */
  readonly ownerProcess: number | null
}
/** A process that has the log open. */
export interface ProcessRow {
  readonly number: number
  readonly id: string
  readonly processId: number
  /** How long its heartbeat may stand still: its own, whatever others have. */
  readonly sessionTimeoutMs: number
  readonly heartbeat: number
  readonly members: number
}

type LeaseColumns = [number, string, number, number, number | null, number | null, number | null]
type PlanMember = [number: number, topics: string]
type PlanPartition = [number: number, topic: string, partition: number]
type PlanLease = [partition: number, owner: number | null, wanted: number | null]

const selectLeases = `
  SELECT l.partition, t.name, p.partition, l.epoch, l.owner, l.wanted, o.process
  FROM lease l JOIN partition p ON p.number = l.partition JOIN topic t ON t.number = p.topic
    LEFT JOIN member o ON o.number = l.owner`

/**
 * Processes, members and leases in the file. Every method that changes something is to be called inside a transaction,
 * and leaves the group's plan made anew: `wanted` says who shall have a partition, `owner` who has it. The owner of a
 * partition that another one is wanted for revokes and releases it; who is wanted takes what is free, with the next epoch.
 */
export class GroupTables {
  readonly #prepared = new Map<string, SqlStatement>()
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  registerProcess({
    id,
    processId,
    host,
    sessionTimeoutMs,
  }: Pick<ProcessRow, 'id' | 'processId' | 'sessionTimeoutMs'> & { readonly host: string }): number {
    const insert = `INSERT INTO process (id, process_id, host, session_timeout_ms, heartbeat) VALUES (?, ?, ?, ?, 0) RETURNING number`
    return (this.#sql(insert).get(id, processId, host, sessionTimeoutMs) as [number])[0]
  }
  processes(): readonly ProcessRow[] {
    const rows = this.#sql(
      `SELECT number, id, process_id, session_timeout_ms, heartbeat, (SELECT count(*) FROM member m WHERE m.process = process.number) FROM process`,
    ).all() as [number, string, number, number, number, number][]
    return rows.map(([number, id, processId, sessionTimeoutMs, heartbeat, members]) => {
      return { number, id, processId, sessionTimeoutMs, heartbeat, members }
    })
  }
  /** False when somebody has removed the process. */
  beat(process: number): boolean {
    return Number(this.#sql('UPDATE process SET heartbeat = heartbeat + 1 WHERE number = ?').run(process).changes) > 0
  }
  /** Its members are gone, and their partitions free. */
  expireMembers(process: number): void {
    const members = this.#sql('SELECT number, "group" FROM member WHERE process = ?').all(process) as [number, string][]
    for (const [member, group] of members) this.#delete(group, member)
    for (const group of new Set(members.map(([, group]) => group))) this.#plan(group)
  }
  removeProcess(process: number): void {
    this.expireMembers(process)
    this.#sql('DELETE FROM process WHERE number = ?').run(process)
  }

  /** Returns the member's number. */
  join(member: {
    readonly id: string
    readonly group: string
    readonly process: number
    readonly topics: Iterable<string>
  }): number {
    const { id, group, process, topics } = member
    const [number] = this.#sql(
      'INSERT INTO member (id, "group", process, topics, leaving) VALUES (?, ?, ?, ?, 0) RETURNING number',
    ).get(id, group, process, JSON.stringify([...topics])) as [number]
    this.#plan(group)
    return number
  }
  /** It shall get nothing more, and give up what it has. */
  leave(group: string, member: number): void {
    this.#sql('UPDATE member SET leaving = 1 WHERE number = ?').run(member)
    this.#plan(group)
  }
  remove(group: string, member: number): void {
    this.#delete(group, member)
    this.#plan(group)
  }
  /** Leases that the member has let go; those that it does not have any more are passed over. */
  release(group: string, member: number, leases: readonly { readonly number: number; readonly epoch: number }[]): void {
    const release = this.#sql(
      'UPDATE lease SET owner = NULL WHERE "group" = ? AND partition = ? AND owner = ? AND epoch = ?',
    )
    for (const { number, epoch } of leases) release.run(group, number, member, epoch)
  }
  /** Takes what is free and wanted for the member, under new epochs. */
  take(group: string, member: number): readonly LeaseRow[] {
    const free = this.#sql('SELECT partition FROM lease WHERE "group" = ? AND wanted = ? AND owner IS NULL')
    const taken = new Set((free.all(group, member) as [number][]).map(([partition]) => partition))
    if (taken.size === 0) return []
    this.#sql(
      'UPDATE lease SET owner = wanted, epoch = epoch + 1 WHERE "group" = ? AND wanted = ? AND owner IS NULL',
    ).run(group, member)
    return this.leasesOf(group, member).filter(({ number }) => taken.has(number))
  }

  isMember(member: number): boolean {
    return this.#sql('SELECT 1 FROM member WHERE number = ?').get(member) !== undefined
  }
  /** What the member has or shall have. */
  leasesOf(group: string, member: number): readonly LeaseRow[] {
    const rows = this.#sql(`${selectLeases} WHERE l."group" = ? AND (l.owner = ? OR l.wanted = ?)`)
    return (rows.all(group, member, member) as LeaseColumns[]).map(
      ([number, topic, partition, epoch, owner, wanted, ownerProcess]) => {
        return { number, topic, partition, epoch, owner, wanted, ownerProcess }
      },
    )
  }
  /** The number and epoch of each partition that the member has. */
  heldBy(group: string, member: number): ReadonlyMap<number, number> {
    const rows = this.#sql('SELECT partition, epoch FROM lease WHERE "group" = ? AND owner = ?').all(group, member)
    return new Map(rows as [number, number][])
  }

  /** Members by group, for people. */
  describe(): ReadonlyMap<string, readonly MemberDescription[]> {
    const members = this.#sql(
      `SELECT m.number, m.id, m."group", m.topics, r.process_id, r.host FROM member m JOIN process r ON r.number = m.process ORDER BY m.number`,
    ).all() as [number, string, string, string, number, string][]
    const described = new Map<string, MemberDescription[]>()
    for (const [number, id, group, topics, processId, host] of members) {
      const partitions = this.leasesOf(group, number).filter(({ owner }) => owner === number)
      const list = described.get(group) ?? []
      described.set(group, list)
      list.push({
        id,
        process: `process ${processId} on ${host}`,
        topics: JSON.parse(topics) as string[],
        partitions: partitions.map(({ topic, partition }) => ({ topic, partition })),
      })
    }
    return described
  }

  #delete(group: string, member: number): void {
    this.#sql('UPDATE lease SET owner = NULL WHERE "group" = ? AND owner = ?').run(group, member)
    this.#sql('UPDATE lease SET wanted = NULL WHERE "group" = ? AND wanted = ?').run(group, member)
    this.#sql('DELETE FROM member WHERE number = ?').run(member)
  }

  /** Writes who shall have which partition of the group. */
  #plan(group: string): void {
    const members = this.#sql(
      'SELECT number, topics FROM member WHERE "group" = ? AND leaving = 0 ORDER BY number',
    ).all(group) as PlanMember[]
    const leases = this.#sql('SELECT partition, owner, wanted FROM lease WHERE "group" = ?').all(group) as PlanLease[]
    const wishes = members.map(([number, topics]) => ({ number, topics: new Set(JSON.parse(topics) as string[]) }))
    const partitions = [...new Set(wishes.flatMap(({ topics }) => [...topics]))].flatMap((topic) =>
      this.#partitionsOf(topic),
    )
    const byNumber = new Map(partitions.map((partition) => [partition.number, partition]))
    const active = new Set(members.map(([number]) => number))
    const owners = new Map<number, (TopicPartition & { readonly number: number })[]>()
    for (const [partition, owner, wanted] of leases) {
      // Who shall have it may have it already, or waits for it: either way a change would move it once more.
      const keeper = wanted !== null && active.has(wanted) ? wanted : owner
      const known = byNumber.get(partition)
      if (keeper !== null && known !== undefined) owners.set(keeper, [...(owners.get(keeper) ?? []), known])
    }
    const claims = wishes.map(({ number, topics }) => ({ topics, owned: owners.get(number) ?? [] }))
    const shares = assignPartitions(claims, partitions)
    const before = new Map(leases.map(([partition, , wanted]) => [partition, wanted]))
    const want = this.#sql(
      `INSERT INTO lease ("group", partition, epoch, owner, wanted) VALUES (?, ?, 0, NULL, ?)
       ON CONFLICT DO UPDATE SET wanted = excluded.wanted`,
    )
    const numbers = new Map(
      partitions.map((partition) => [`${partition.topic}/${partition.partition}`, partition.number]),
    )
    for (const [index, share] of shares.entries()) {
      const member = wishes[index]!.number
      for (const { topic, partition } of share) {
        const number = numbers.get(`${topic}/${partition}`)!
        if (before.get(number) !== member) want.run(group, number, member)
        before.delete(number)
      }
    }
    // Nobody asks for these any more.
    for (const [number, wanted] of before) if (wanted !== null) want.run(group, number, null)
  }

  #partitionsOf(topic: string): readonly (TopicPartition & { readonly number: number })[] {
    const rows = this.#sql(
      'SELECT p.number, t.name, p.partition FROM partition p JOIN topic t ON t.number = p.topic WHERE t.name = ? ORDER BY p.partition',
    ).all(topic) as PlanPartition[]
    return rows.map(([number, name, partition]) => ({ number, topic: name, partition }))
  }

  #sql(sql: string): SqlStatement {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}
