import { render } from 'preact'
import './look/tokens.css'
import './look/base.css'
import './look/parts.css'
import './look/layout.css'
import { Shell } from './app/shell.js'
import { restoreTheme } from './app/theme.js'

restoreTheme()
const root = document.getElementById('app')
if (root === null) throw new Error('index.html lacks #app')
render(<Shell />, root)
