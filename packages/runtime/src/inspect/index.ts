export {
  inspector,
  type Candidate,
  type Inspector,
  type InspectorOptions,
  type LayerLook,
  type Look,
  type LookOptions,
} from './inspector.js'
