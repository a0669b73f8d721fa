/** The jailed program: the image is descriptor 3, the order is the argument, the verdict is one line of JSON. */
import { writeSync } from 'node:fs';
import { openDescriptor } from './disk-file.ts';
import { inspect, type InspectionOrder } from './inspection.ts';

const order = JSON.parse(process.argv[2] ?? '{}') as InspectionOrder;
writeSync(1, JSON.stringify(inspect(openDescriptor(3), order)));
