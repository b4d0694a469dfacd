/**
 * Preloaded into a process (`node --import`): its clock is off by `CLOCK_OFF_BY_MS` from here on. Timers are not: they run by another clock,
 * which no wrong date touches.
 */
const offByMs = Number(process.env.CLOCK_OFF_BY_MS ?? 0)
const rightNow = Date.now

globalThis.Date = new Proxy(Date, {
  construct: (RightDate, args, asked) => Reflect.construct(RightDate, args.length === 0 ? [rightNow() + offByMs] : args, asked),
  apply: (RightDate) => new RightDate(rightNow() + offByMs).toString(),
  get: (RightDate, name, receiver) => (name === 'now' ? () => rightNow() + offByMs : Reflect.get(RightDate, name, receiver)),
})
