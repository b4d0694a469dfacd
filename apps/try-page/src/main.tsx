import { render } from 'preact'
import { App } from './app.tsx'
import { startPage } from './page.ts'
import './styles/base.css'
import './styles/parts.css'
import './styles/cards.css'

render(<App page={startPage()} />, document.getElementById('page') ?? document.body)
