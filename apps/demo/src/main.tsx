import { render } from 'preact'
import './look/tokens.css'
import './look/base.css'
import './look/parts.css'
import './look/layout.css'
import { Shell } from './app/shell.js'
import { services, ServicesContext } from './app/services.js'
import { restoreTheme } from './app/theme.js'
import { keepOffline } from './offline/register.js'

restoreTheme()
keepOffline()
const root = document.getElementById('app')
if (root === null) throw new Error('index.html lacks #app')
render(
  <ServicesContext.Provider value={services()}>
    <Shell />
  </ServicesContext.Provider>,
  root,
)
