/** Resolves `received` at the first of the signals; a second one ends the process as usual. */
export function untilSignal(signals: readonly NodeJS.Signals[]): {
  readonly received: Promise<NodeJS.Signals>
  forget(): void
} {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  const listener = (signal: NodeJS.Signals) => {
    forget()
    resolve(signal)
  }
  const forget = () => {
    for (const signal of signals) process.removeListener(signal, listener)
  }
  for (const signal of signals) process.on(signal, listener)
  return { received: promise, forget }
}
