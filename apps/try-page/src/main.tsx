import { render } from 'preact'

render(<h1>Try Airlock</h1>, document.getElementById('page') ?? document.body)
