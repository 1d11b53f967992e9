export {
  inspector,
  type Candidate,
  type Inspector,
  type InspectorOptions,
  type LayerLook,
  type LensLook,
  type Look,
  type LookOptions,
} from './inspector.js'
