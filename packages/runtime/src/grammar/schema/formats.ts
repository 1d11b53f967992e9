const DAY = '(?:0[1-9]|[12]\\d|3[01])'
/** February has its 29th in years that 4 divides, except for centuries that 400 does not. */
const LEAP = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)'
const DATE = `(?:\\d{4}-(?:(?:0[13578]|1[02])-${DAY}|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP}-02-29)`
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d'
const TIME = `${CLOCK}:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-]${CLOCK})`
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9]|-[A-Za-z0-9]){0,30}'
const HOSTNAME = `${LABEL}(?:\\.${LABEL}){0,6}`
const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = `${BYTE}(?:\\.${BYTE}){3}`
const H = '[0-9A-Fa-f]{1,4}'
/** RFC 4291, section 2.2: all eight groups, or :: in the place of at least one. */
const IPV6 = [
  `(?:${H}:){7}${H}`,
  ...Array.from({ length: 8 }, (_, before) => {
    const left = before === 0 ? '' : `${H}(?::${H}){${before - 1}}`
    const after = 7 - before
    return after === 0 ? `${left}::` : `${left}::(?:${H}(?::${H}){0,${after - 1}})?`
  }),
]
  .map((form) => `(?:${form})`)
  .join('|')
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const EMAIL = `${ATOM}(?:\\.${ATOM}){0,8}@${HOSTNAME}`
const HEX = '%[0-9A-Fa-f]{2}'
const PCHAR = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|${HEX})`
const TAIL = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`
const AUTHORITY = `//(?:[A-Za-z0-9._~-]+@)?${HOSTNAME}(?::\\d{1,5})?(?:/${PCHAR}*)*`
const URI = `[A-Za-z][A-Za-z0-9+.-]{0,30}:(?:${AUTHORITY}|${PCHAR}+(?:/${PCHAR}*)*)${TAIL}`
/** A first segment without a colon, or it would be a scheme. */
const RELATIVE = `(?:${AUTHORITY}|/(?:${PCHAR}+(?:/${PCHAR}*)*)?|(?:[A-Za-z0-9._~-]|${HEX})+(?:/${PCHAR}*)*)?${TAIL}`
const POINTER = '(?:/(?:[^~/]|~[01])*)*'

/**
 * Formats that are enforced, as regular expressions of whole strings: each at most what its standard allows (of the
 * international ones the part in ASCII). All others are annotations, as the specification has it.
 */
export const FORMATS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    date: DATE,
    time: TIME,
    'date-time': `${DATE}T${TIME}`,
    duration:
      'P(?:\\d{1,6}W|(?:\\d{1,6}Y(?:\\d{1,6}M(?:\\d{1,6}D)?)?|\\d{1,6}M(?:\\d{1,6}D)?|\\d{1,6}D)(?:T(?:\\d{1,6}H(?:\\d{1,6}M(?:\\d{1,6}S)?)?|\\d{1,6}M(?:\\d{1,6}S)?|\\d{1,6}S))?|T(?:\\d{1,6}H(?:\\d{1,6}M(?:\\d{1,6}S)?)?|\\d{1,6}M(?:\\d{1,6}S)?|\\d{1,6}S))',
    email: EMAIL,
    'idn-email': EMAIL,
    hostname: HOSTNAME,
    'idn-hostname': HOSTNAME,
    ipv4: IPV4,
    ipv6: IPV6,
    uri: URI,
    iri: URI,
    'uri-reference': `${URI}|${RELATIVE}`,
    'iri-reference': `${URI}|${RELATIVE}`,
    'uri-template': `${URI}|${RELATIVE}`,
    uuid: '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}',
    'json-pointer': POINTER,
    'relative-json-pointer': `(?:0|[1-9]\\d{0,5})(?:#|${POINTER})`,
    regex: '[A-Za-z0-9_ ]*',
  }),
)
