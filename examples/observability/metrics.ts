import { type App, onDiagnostic } from 'millrace'

/** Counters and gauges of an app, by name. Give these to your metrics library. */
export function collectMetrics(app: App) {
  const handledMs: number[] = []
  const failures = new Map<string, number>()
  // #region channels
  const stops = [
    onDiagnostic('millrace:record:handled', ({ durationMs }) => handledMs.push(durationMs)),
    onDiagnostic('millrace:record:failed', ({ group, error }) => {
      failures.set(`${group} ${error.name}`, (failures.get(`${group} ${error.name}`) ?? 0) + 1)
    }),
  ]
  // #endregion
  // #region gauges
  const readGauges = async () => {
    const { components } = await app.status()
    return components.flatMap(({ name, state, group }) => (group === null ? [] : [{ name, state, lag: group.lag }]))
  }
  // #endregion
  return { handledMs, failures, readGauges, stop: () => stops.map((stop) => stop()) }
}
