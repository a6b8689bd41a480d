import { diagnoseLog } from '../../app/operator/operator.ts'
import { type Command, readArguments } from '../command.ts'
import { counted, cut } from '../format.ts'

/** `millrace doctor`. */
export const doctor: Command = {
  name: 'doctor',
  usage: '',
  summary: 'looks for everything that can be wrong with the log and its machine',
  run: async (call) => {
    const { values } = readArguments(call, { options: {} })
    const findings = await diagnoseLog({ url: values.url })
    const bad = findings.filter(({ verdict }) => verdict === 'bad')
    const { output } = call
    if (output.isJson) output.json({ findings })
    else {
      output.table(
        [{ title: 'verdict' }, { title: 'subject' }, { title: 'found' }],
        findings.map(({ subject, value, verdict }) => [verdict, subject, cut(value, 120)]),
      )
      for (const { subject, advice } of findings) if (advice !== undefined) output.line(`${subject}: ${advice}`)
      if (bad.length > 0) output.line(`${counted(bad.length, 'thing')} to put right.`)
    }
    return bad.length === 0
  },
}
