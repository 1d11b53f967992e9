export interface Sample {
  readonly language: string
  /** As BCP 47 names it, for screen readers and fonts. */
  readonly tag: string
  readonly text: string
}

/** Article 1 of the Universal Declaration of Human Rights, its first sentence, in the UN's translations. */
export const SAMPLES: readonly Sample[] = [
  { language: 'English', tag: 'en', text: 'All human beings are born free and equal in dignity and rights.' },
  { language: 'German', tag: 'de', text: 'Alle Menschen sind frei und gleich an Würde und Rechten geboren.' },
  { language: 'French', tag: 'fr', text: 'Tous les êtres humains naissent libres et égaux en dignité et en droits.' },
  { language: 'Spanish', tag: 'es', text: 'Todos los seres humanos nacen libres e iguales en dignidad y derechos.' },
  {
    language: 'Finnish',
    tag: 'fi',
    text: 'Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.',
  },
  { language: 'Turkish', tag: 'tr', text: 'Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.' },
  { language: 'Russian', tag: 'ru', text: 'Все люди рождаются свободными и равными в своем достоинстве и правах.' },
  {
    language: 'Greek',
    tag: 'el',
    text: 'Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.',
  },
  { language: 'Arabic', tag: 'ar', text: 'يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.' },
  { language: 'Hindi', tag: 'hi', text: 'सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।' },
  { language: 'Thai', tag: 'th', text: 'มนุษย์ทั้งปวงเกิดมามีอิสระและเสมอภาคกันในศักดิ์ศรีและสิทธิ' },
  { language: 'Chinese', tag: 'zh', text: '人人生而自由,在尊严和权利上一律平等。' },
  {
    language: 'Japanese',
    tag: 'ja',
    text: 'すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。',
  },
  { language: 'Korean', tag: 'ko', text: '모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.' },
]
