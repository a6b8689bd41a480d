import { appendFileSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Mail {
  readonly taskId: string
  readonly userId: string
  readonly orderId?: string | undefined
}

/** Sends e-mails. Asked again for a mail that went out, it does nothing. */
export interface MailProvider {
  send(mail: Mail): void | Promise<void>
}

/**
 * Stands for a mail provider that deduplicates: a file with a line of JSON for each mail that went out, one for each
 * order (or task, for a mail without an order), however often it is asked to. Without a path it forgets them at the end.
 */
export class SentMail implements MailProvider {
  readonly path: string | undefined
  #sent: Set<string> | undefined
  #bytes = 0

  constructor(path?: string) {
    this.path = path
  }

  send(mail: Mail): void {
    this.#sent ??= this.#load()
    const key = keyOf(mail)
    if (this.#sent.has(key)) return
    if (this.path !== undefined) this.#append(this.path, `${JSON.stringify(mail)}\n`)
    this.#sent.add(key)
  }

  #append(path: string, line: string): void {
    try {
      appendFileSync(path, line)
      this.#bytes += Buffer.byteLength(line)
    } catch (error) {
      truncateSync(path, this.#bytes)
      throw error
    }
  }

  #load(): Set<string> {
    if (this.path === undefined) return new Set()
    mkdirSync(dirname(this.path), { recursive: true })
    appendFileSync(this.path, '')
    const text = readFileSync(this.path, 'utf8')
    // A process that was killed while it wrote leaves part of a line: that mail did not go out.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    this.#bytes = Buffer.byteLength(whole)
    if (whole.length < text.length) truncateSync(this.path, this.#bytes)
    return new Set(
      whole
        .split('\n')
        .filter(Boolean)
        .map((line) => keyOf(JSON.parse(line))),
    )
  }
}

function keyOf({ orderId, taskId }: Mail): string {
  return orderId === undefined ? `task ${taskId}` : `order ${orderId}`
}
