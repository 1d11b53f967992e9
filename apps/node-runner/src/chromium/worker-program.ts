import '@g3/runtime/worker/program'
