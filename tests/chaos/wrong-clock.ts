/**
 * Preloaded into a process (`node --import`): shifts its clock by `CLOCK_OFF_BY_MS`. Timers are not affected, because they use a monotonic clock.
 */
const offByMs = Number(process.env.CLOCK_OFF_BY_MS ?? 0)
const rightNow = Date.now

globalThis.Date = new Proxy(Date, {
  construct: (RightDate, args, asked) => Reflect.construct(RightDate, args.length === 0 ? [rightNow() + offByMs] : args, asked),
  apply: (RightDate) => new RightDate(rightNow() + offByMs).toString(),
  get: (RightDate, name, receiver) => (name === 'now' ? () => rightNow() + offByMs : Reflect.get(RightDate, name, receiver)),
})
