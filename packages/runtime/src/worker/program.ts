// A worker's whole program, for those who need nothing else in it.
import { autoBackend } from '../auto.js'
import { serve } from './serve.js'

serve({ backend: (workload, wish) => autoBackend({ ...wish, workload }) })
