import type { TaxClass } from '../../domain/pricing/price-rules';
import type { CartItem } from '../../domain/pricing/pricing';

/** A product of the sample catalogue. */
export interface SeedProduct extends Omit<CartItem, 'quantity'> {
  description: string;
}

export interface SeedWarehouse {
  code: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
}

export interface SeedStock {
  sku: string;
  /** Code of the warehouse. */
  warehouse: string;
  /** Units. */
  onHand: number;
}

export const WAREHOUSES: readonly SeedWarehouse[] = [
  { code: 'BER', name: 'Berlin', country: 'DE' },
  { code: 'RTM', name: 'Rotterdam', country: 'NL' },
];

/** A product with its stock in both warehouses. */
type Row = [
  sku: string,
  name: string,
  unitPriceMinor: number,
  weightGrams: number,
  unitsBerlin: number,
  unitsRotterdam: number,
  description: string,
];

const STANDARD: readonly Row[] = [
  ['walnut-desk', 'Walnut desk', 41900, 38000, 6000, 4000, 'Oiled walnut top, 140 × 70 cm, steel legs.'],
  ['oak-desk', 'Oak desk', 38900, 36000, 900, 700, 'Solid oak top, 120 × 70 cm, one drawer.'],
  ['standing-desk', 'Standing desk', 64900, 46000, 650, 480, 'Electric, 62 to 127 cm, four presets.'],
  ['folding-desk', 'Folding wall desk', 18900, 14500, 420, 0, 'Folds to 12 cm depth, beech plywood.'],
  ['desk-drawer-unit', 'Drawer unit', 15900, 17500, 540, 610, 'Three drawers on castors, lockable.'],
  ['monitor-stand', 'Monitor stand', 5900, 2800, 1500, 1200, 'Bent ash with room for a keyboard below.'],
  ['desk-mat', 'Felt desk mat', 3900, 620, 2400, 2100, 'Merino felt and cork, 80 × 40 cm.'],
  ['cable-tray', 'Cable tray', 2490, 900, 3100, 2800, 'Powder-coated steel, clamps under the desk.'],
  ['task-chair', 'Task chair', 29900, 15500, 800, 950, 'Mesh back, adjustable lumbar support.'],
  ['lounge-chair', 'Lounge chair', 54900, 19000, 240, 310, 'Bouclé on a steamed beech frame.'],
  ['dining-chair', 'Dining chair', 12900, 5200, 1800, 1600, 'Stackable, moulded oak veneer.'],
  ['counter-stool', 'Counter stool', 14900, 6100, 0, 720, 'Seat height 65 cm, brass foot rail.'],
  ['rattan-armchair', 'Rattan armchair', 24900, 8400, 0, 0, 'Hand-woven in small runs; often sold out.'],
  ['bookshelf', 'Bookshelf', 21900, 27000, 360, 280, 'Five shelves, 80 × 180 cm, white oak.'],
  ['wall-shelf', 'Wall shelf', 4900, 3300, 1400, 1300, 'Floating shelf, 90 cm, hidden bracket.'],
  ['coat-rack', 'Coat rack', 8900, 4700, 510, 430, 'Seven turned pegs, ash.'],
  ['desk-lamp', 'Desk lamp', 8900, 1900, 2200, 1900, 'Dimmable LED, 2700 to 4000 K, touch switch.'],
  ['floor-lamp', 'Floor lamp', 17900, 6800, 620, 540, 'Linen shade, 155 cm, foot dimmer.'],
  ['pendant-lamp', 'Pendant lamp', 13900, 2400, 700, 820, 'Spun aluminium, 35 cm, E27.'],
  ['clip-lamp', 'Clip lamp', 3490, 540, 2600, 2300, 'Flexible neck, USB-C, warm white.'],
  ['paper-lantern', 'Paper lantern', 2900, 310, 1700, 0, 'Washi paper on bamboo, 45 cm.'],
  ['cast-iron-pan', 'Cast-iron pan', 5490, 2600, 1300, 1500, 'Pre-seasoned, 26 cm, all hobs.'],
  ['saucepan', 'Saucepan', 6990, 1450, 900, 1100, 'Three-ply steel, 2 litres, with lid.'],
  ['chef-knife', "Chef's knife", 8990, 240, 1200, 1000, '20 cm blade, carbon steel, plum handle.'],
  ['cutting-board', 'Cutting board', 3990, 1800, 1600, 1400, 'End-grain acacia, 40 × 28 cm.'],
  ['pour-over-set', 'Pour-over set', 4490, 980, 1100, 900, 'Porcelain dripper and 600 ml carafe.'],
  ['coffee-grinder', 'Hand coffee grinder', 9900, 640, 750, 680, 'Conical steel burrs, 30 g.'],
  ['gooseneck-kettle', 'Gooseneck kettle', 7990, 1150, 0, 0, 'Holds 0.9 litres to the degree.'],
  ['stoneware-mug', 'Stoneware mug', 1690, 380, 4200, 3900, 'Hand-glazed, 300 ml, dishwasher safe.'],
  ['dinner-plate', 'Dinner plate', 1990, 720, 3600, 3200, 'Stoneware, 27 cm, speckled glaze.'],
  ['carafe', 'Glass carafe', 2790, 690, 1400, 1250, 'Borosilicate glass, 1 litre, oak stopper.'],
  ['linen-apron', 'Linen apron', 4290, 330, 880, 940, 'Washed linen, cross back, two pockets.'],
  ['tea-towel-pair', 'Tea towels, pair', 1890, 210, 2900, 2700, 'Half linen, 50 × 70 cm.'],
  [
    'bookshelf-speakers',
    'Bookshelf speakers',
    34900,
    9800,
    310,
    350,
    'Two-way, 5-inch woofer, walnut veneer.',
  ],
  ['headphones', 'Studio headphones', 15900, 290, 1250, 1150, 'Closed back, 38 ohm, replaceable pads.'],
  ['turntable', 'Turntable', 42900, 6900, 220, 260, 'Belt drive, 33 and 45 rpm, phono output.'],
  ['kitchen-radio', 'Kitchen radio', 11900, 1500, 640, 590, 'DAB+ and FM, beech case, alarm.'],
  ['usb-microphone', 'USB microphone', 12900, 780, 830, 770, 'Cardioid condenser with a gain wheel.'],
  ['wool-blanket', 'Wool blanket', 9900, 1300, 720, 660, 'New wool, 130 × 200 cm, herringbone.'],
  ['linen-cushion', 'Linen cushion', 3490, 560, 1900, 1750, 'Stone-washed linen, 50 × 50 cm.'],
  ['wall-clock', 'Wall clock', 6900, 1100, 580, 520, 'Silent movement, 30 cm, oak rim.'],
  ['limited-50', 'Limited edition print, run of 50', 9500, 400, 30, 20, 'Numbered and signed, 50 × 70 cm.'],
  ['limited-1', 'Artist’s proof, framed', 250000, 4200, 1, 0, 'The one proof before the run, in a frame.'],
];

/** Books and food: taxed at the reduced rate in most of the EU. */
const REDUCED: readonly Row[] = [
  ['book-joinery', 'The Quiet Joint', 3490, 980, 900, 800, 'Forty wood joints, drawn and explained.'],
  ['book-rooms', 'Rooms That Work', 4200, 1350, 640, 700, 'Twenty small homes and how they are used.'],
  ['book-bread', 'Flour, Water, Patience', 2990, 860, 1500, 1300, 'Sourdough for a home oven.'],
  ['book-light', 'A Short History of Lamps', 2490, 540, 480, 390, 'From tallow to diode in 200 pages.'],
  ['book-ledgers', 'Letters from a Bookkeeper', 1890, 320, 760, 820, 'A novel of double entry.'],
  [
    'coffee-house-blend',
    'House blend coffee',
    1290,
    1020,
    5200,
    4800,
    'Brazil and Ethiopia, 1 kg, whole bean.',
  ],
  ['coffee-yirgacheffe', 'Yirgacheffe coffee', 1490, 270, 2600, 2400, 'Washed, floral, 250 g, whole bean.'],
  ['coffee-decaf', 'Decaf coffee', 1390, 270, 1800, 1700, 'Sugar-cane process, 250 g, whole bean.'],
  ['tea-assam', 'Assam tea', 990, 140, 2300, 2200, 'Second flush, loose leaf, 125 g.'],
];

/** A voucher for anything is taxed when it is spent, not when it is sold (Directive 2006/112/EC, art. 30b). */
const ZERO: readonly Row[] = [
  ['gift-card-25', 'Gift card €25', 2500, 12, 5000, 5000, 'A printed card in an envelope.'],
  ['gift-card-100', 'Gift card €100', 10000, 12, 5000, 5000, 'A printed card in an envelope.'],
];

const toSeedProducts = (taxClass: TaxClass, rows: readonly Row[]): SeedProduct[] =>
  rows.map(([sku, name, unitPriceMinor, weightGrams, , , description]) => ({
    sku,
    name,
    description,
    unitPriceMinor,
    currency: 'EUR',
    taxClass,
    weightGrams,
  }));

/** The sample catalogue, priced in cents including VAT. */
export const PRODUCTS: readonly SeedProduct[] = [
  ...toSeedProducts('standard', STANDARD),
  ...toSeedProducts('reduced', REDUCED),
  ...toSeedProducts('zero', ZERO),
];

/** One row per product and warehouse, including empty stock. */
export const STOCK: readonly SeedStock[] = [...STANDARD, ...REDUCED, ...ZERO].flatMap(
  ([sku, , , , unitsBerlin, unitsRotterdam]) => [
    { sku, warehouse: 'BER', onHand: unitsBerlin },
    { sku, warehouse: 'RTM', onHand: unitsRotterdam },
  ],
);
