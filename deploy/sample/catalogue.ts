/** What BMC sells: panels and sheets, by the square metre, in dollars with tax. */
export interface Product {
  readonly code: string;
  readonly name: string;
  readonly use: string;
  /** Price for each thickness in millimetres; sheets have one. */
  readonly usd_m2: Readonly<Record<number, number>>;
  /** Distance between supports in metres that each thickness bears. */
  readonly span_m: Readonly<Record<number, number>>;
}

export const PRODUCTS: readonly Product[] = [
  {
    code: 'ISODEC-EPS',
    name: 'Isodec EPS',
    use: 'techos y cubiertas con núcleo de poliestireno expandido',
    usd_m2: { 100: 46.07, 150: 51.5, 200: 57.99, 250: 63.74 },
    span_m: { 100: 5.5, 150: 7.5, 200: 9.1, 250: 10.4 },
  },
  {
    code: 'ISOROOF-3G',
    name: 'Isoroof 3G',
    use: 'techos livianos con núcleo de poliuretano y tres grecas',
    usd_m2: { 30: 48.74, 50: 53.0, 80: 62.5 },
    span_m: { 30: 2.8, 50: 3.3, 80: 4.0 },
  },
  {
    code: 'ISOPANEL-EPS',
    name: 'Isopanel EPS',
    use: 'paredes, fachadas y divisorias',
    usd_m2: { 50: 41.88, 100: 46.0, 150: 51.4, 200: 57.0 },
    span_m: { 50: 3.0, 100: 5.0, 150: 6.5, 200: 8.0 },
  },
  {
    code: 'ISOWALL-PIR',
    name: 'Isowall PIR',
    use: 'fachadas con mejor comportamiento al fuego',
    usd_m2: { 50: 58.3, 80: 65.9, 100: 71.2 },
    span_m: { 50: 3.5, 80: 4.5, 100: 5.5 },
  },
  {
    code: 'CHAPA-BC18',
    name: 'Chapa trapezoidal BC18 calibre 24',
    use: 'galpones y cerramientos',
    usd_m2: { 0.5: 12.9 },
    span_m: { 0.5: 1.6 },
  },
  {
    code: 'CHAPA-SIN',
    name: 'Chapa sinusoidal galvanizada calibre 26',
    use: 'techos económicos y cercos',
    usd_m2: { 0.45: 9.8 },
    span_m: { 0.45: 1.2 },
  },
];

export const ACCESSORIES = [
  { code: 'VAR-38', name: 'Varilla roscada 3/8 con tuercas y arandelas', usd: 4.2 },
  { code: 'GOT-SUP', name: 'Gotero superior', usd: 15.6 },
  { code: 'BAB-ADO', name: 'Babeta de adosar', usd: 17.3 },
  { code: 'CUM-ROO', name: 'Cumbrera Isoroof', usd: 26.4 },
  { code: 'SIL-NEU', name: 'Silicona neutra 300 ml', usd: 7.9 },
  { code: 'PER-U50', name: 'Perfil U 50 mm', usd: 9.1 },
] as const;

export const CITIES = [
  'Montevideo',
  'Maldonado',
  'Punta del Este',
  'Canelones',
  'Ciudad de la Costa',
  'Salto',
  'Paysandú',
  'Rivera',
  'Tacuarembó',
  'Colonia del Sacramento',
  'Rocha',
  'Minas',
  'Durazno',
  'Florida',
  'Mercedes',
  'Artigas',
] as const;

const FIRST_NAMES = [
  'María',
  'José',
  'Lucía',
  'Martín',
  'Ana',
  'Diego',
  'Valentina',
  'Gonzalo',
  'Camila',
  'Andrés',
];
const LAST_NAMES = [
  'Rodríguez',
  'González',
  'Pereira',
  'Silva',
  'Núñez',
  'Fernández',
  'Sosa',
  'Méndez',
  'Olivera',
];

/** Names of made-up people. */
export const PEOPLE = FIRST_NAMES.flatMap((first) => LAST_NAMES.map((last) => `${first} ${last}`));
