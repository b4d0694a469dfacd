import { render } from 'preact'
import { App } from './app.tsx'
import { startPage } from './page.ts'
import './styles/base.css'
import './styles/layout.css'
import './styles/choose.css'
import './styles/cards.css'
import './styles/lists.css'

render(<App page={startPage()} />, document.getElementById('page') ?? document.body)
