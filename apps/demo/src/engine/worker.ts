// The program of the worker that holds models: a visitor's page stays free while one computes.
import '@g3/runtime/worker/program'
